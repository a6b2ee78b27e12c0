package claims

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Reference is one of the simple statements that claims are measured beside, run by pgbench.
type Reference struct {
	Name   string
	script string
}

// The references of the target. Claim A is the queue that everybody writes first: one line, the skills a filter. Claim B has an index for each
// skill and asks for one. Update changes one row by its primary key, which is the least that any claim can do.
var (
	ClaimA = Reference{"claim A", `
		\set a random(1, :skills)
		\set b random(1, :skills)
		\set c random(1, :skills)
		update claim_line set state = 'held', agent = :client_id where id = (
			select id from claim_line where state = 'queued' and skill in (:a, :b, :c) order by priority desc, opened_at limit 1 for update skip locked);`}
	ClaimB = Reference{"claim B", `
		\set a random(1, :skills)
		update claim_skill set state = 'held', agent = :client_id where id = (
			select id from claim_skill where state = 'queued' and skill = :a order by priority desc, opened_at limit 1 for update skip locked);`}
	Update = Reference{"update by primary key", `
		\set id random(1, :tasks)
		update claim_row set agent = :client_id where id = :id;`}
)

// PrepareReferences makes the tables of the references, as large as the house.
func PrepareReferences(ctx context.Context, url string, size Size) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, table := range []string{"claim_line", "claim_skill", "claim_row"} {
		for _, statement := range []string{
			`drop table if exists ` + table,
			`create table ` + table + ` (id int primary key, skill int not null, priority int not null, opened_at timestamptz not null,
				state text not null default 'queued', agent int, filler text not null default repeat('x', 200)) with (fillfactor = 70)`,
			fmt.Sprintf(`insert into %s (id, skill, priority, opened_at)
				select n, 1 + (random() * %d)::int %% %[2]d, (random() * 2)::int, now() - random() * interval '1 hour' from generate_series(1, %d) n`, table, size.Skills, size.Tasks),
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	for _, statement := range []string{
		`create index on claim_line (priority desc, opened_at) where state = 'queued'`,
		`create index on claim_skill (skill, priority desc, opened_at) where state = 'queued'`,
		`vacuum analyze claim_line, claim_skill, claim_row`,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

var (
	rateLine   = regexp.MustCompile(`tps = ([0-9.]+) \(without`)
	errNoBench = errors.New("there is no pgbench; install PostgreSQL's contributed programs")
)

// Rate runs the statement for a leg and gives how often a second it ran.
func (r Reference) Rate(ctx context.Context, url string, size Size) (float64, error) {
	out, err := r.run(ctx, url, size)
	if err != nil {
		return 0, err
	}
	found := rateLine.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("pgbench gave no rate: %s", out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// P99 runs the statement for a leg at the size's rate and gives the 99th percentile of its times, lateness included.
func (r Reference) P99(ctx context.Context, url string, size Size) (time.Duration, error) {
	folder, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if _, err := r.run(ctx, url, size, "-R", strconv.Itoa(size.Rate), "-l", "--log-prefix="+filepath.Join(folder, "log")); err != nil {
		return 0, err
	}
	logs, err := filepath.Glob(filepath.Join(folder, "log*"))
	if err != nil {
		return 0, err
	}
	var times []time.Duration
	for _, path := range logs {
		content, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		for _, line := range regexp.MustCompile(`(?m)^\d+ \d+ (\d+) `).FindAllSubmatch(content, -1) {
			micros, err := strconv.Atoi(string(line[1]))
			if err != nil {
				return 0, err
			}
			times = append(times, time.Duration(micros)*time.Microsecond)
		}
	}
	if len(times) == 0 {
		return 0, errors.New("pgbench wrote no log")
	}
	slices.Sort(times)
	return times[len(times)*99/100], nil
}

func (r Reference) run(ctx context.Context, url string, size Size, more ...string) ([]byte, error) {
	program, err := findBench()
	if err != nil {
		return nil, err
	}
	script, err := os.CreateTemp("", "parley-bench-*.sql")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(script.Name()) }()
	if _, err := script.WriteString(r.script); err != nil {
		return nil, err
	}
	if err := script.Close(); err != nil {
		return nil, err
	}
	args := append([]string{
		"-n", "-M", "prepared", "-c", strconv.Itoa(size.Clients), "-j", "2", "-T", strconv.Itoa(max(1, int(size.Leg.Seconds()))), "-f", script.Name(),
		"-D", "skills=" + strconv.Itoa(size.Skills), "-D", "tasks=" + strconv.Itoa(size.Tasks),
	}, more...)
	out, err := exec.CommandContext(ctx, program, append(args, url)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	return out, nil
}

// findBench gives pgbench, from the path or from where distributions put PostgreSQL's programs.
func findBench() (string, error) {
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if err != nil || len(found) == 0 {
		return "", errNoBench
	}
	return found[len(found)-1], nil
}
