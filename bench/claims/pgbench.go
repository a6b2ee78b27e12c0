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
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Reference is one of the simple transactions that claims are measured beside, run by pgbench: each of as many clients as claim has a connection of its own and prepared statements, on
// the cluster of the claims, with fsync and synchronous_commit on. It has neither HTTP, tokens, capacity nor audit.
type Reference struct {
	table  string
	script string
}

// The references of the target. Claim A is the queue that everybody writes first: one ordered line, the skills a filter. Claim B has an index for each skill and asks for one. Both are the
// transaction that a claimant runs: begin, look with skip locked, take what was found, commit. Update changes one row by its primary key, which is the least that any claim can do.
//
// What stands in front of claim A's line are tasks whose skills nobody has who claims (Size.Stuck): what waits longest is what few can do, and each claim walks over it. Even is claim A where
// all skills are served alike, so that the walk is short; Brief is claim B in one statement, which saves it three round trips. Both are shown and gate nothing.
var (
	ClaimA = Reference{"claim_line", `
		\set a random(1, :served)
		\set b random(1, :served)
		\set c random(1, :served)` + take(`skill in (:a, :b, :c)`)}
	Even   = Reference{"claim_even", strings.ReplaceAll(strings.ReplaceAll(ClaimA.script, "claim_line", "claim_even"), ":served", ":skills")}
	ClaimB = Reference{"claim_skill", `
		\set a random(1, :served)` + strings.ReplaceAll(take(`skill = :a`), "claim_line", "claim_skill")}
	Brief = Reference{"claim_skill", `
		\set a random(1, :served)
		\set agent random(1, :agents)
		update claim_skill set state = 'held', agent = :agent where id = (
			select id from claim_skill where state = 'queued' and skill = :a order by priority desc, opened_at limit 1 for update skip locked);`}
	Update = Reference{"claim_row", `
		\set id random(1, :tasks)
		\set agent random(1, :agents)
		update claim_row set agent = :agent where id = :id;`}
)

func take(suits string) string {
	return `
		\set agent random(1, :agents)
		begin;
		select id from claim_line where state = 'queued' and ` + suits + ` order by priority desc, opened_at limit 1 for update skip locked \gset
		update claim_line set state = 'held', agent = :agent where id = :id;
		commit;`
}

// Prepare makes the table of a reference, as large as the house and of its shape.
func (r Reference) Prepare(ctx context.Context, url string, size Size) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	skill := fmt.Sprintf(`case when n <= %d then %d + random() * %d else 1 + random() * %d end`, size.Stuck, size.served()+1, size.Skills-size.served()-1, size.served()-1)
	if r.table == Even.table {
		skill = fmt.Sprintf(`1 + random() * %d`, size.Skills-1)
	}
	for _, statement := range []string{
		`drop table if exists ` + r.table,
		`create table ` + r.table + ` (id int primary key, skill int not null, priority int not null, opened_at timestamptz not null,
			state text not null default 'queued', agent int, filler text not null default repeat('x', 200)) with (fillfactor = 70)`,
		fmt.Sprintf(`insert into %s (id, skill, priority, opened_at)
			select n, %s, case when n <= %[3]d then 2 else (random() * 2)::int end, now() - case when n <= %[3]d then interval '1 hour' else interval '0' end - random() * interval '1 hour'
			from generate_series(1, %[4]d) n`, r.table, skill, size.Stuck, size.Tasks),
		`create index on ` + r.table + map[string]string{
			ClaimA.table: ` (priority desc, opened_at) where state = 'queued'`, Even.table: ` (priority desc, opened_at) where state = 'queued'`,
			ClaimB.table: ` (skill, priority desc, opened_at) where state = 'queued'`, Update.table: ` (skill)`,
		}[r.table],
		`vacuum analyze ` + r.table,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

var (
	doneLine   = regexp.MustCompile(`actually processed: (\d+)`)
	rateLine   = regexp.MustCompile(`tps = ([0-9.]+) \(without`)
	errNoBench = errors.New("there is no pgbench; install PostgreSQL's contributed programs")
)

// Rate runs the transaction on full tables, in parts of a leg that end long before they are empty, and gives how often a second it ran and took something.
func (r Reference) Rate(ctx context.Context, url string, size Size, parts int) (float64, error) {
	var sum float64
	for range parts {
		if err := r.Prepare(ctx, url, size); err != nil {
			return 0, err
		}
		out, err := r.run(ctx, url, size, size.part())
		if err != nil {
			return 0, err
		}
		rate, done := rateLine.FindSubmatch(out), doneLine.FindSubmatch(out)
		if rate == nil || done == nil {
			return 0, fmt.Errorf("pgbench gave no rate: %s", out)
		}
		a, b := float64(0), float64(0)
		if a, err = strconv.ParseFloat(string(rate[1]), 64); err == nil {
			b, err = strconv.ParseFloat(string(done[1]), 64)
		}
		if err != nil {
			return 0, err
		}
		taken, err := r.taken(ctx, url)
		if err != nil {
			return 0, err
		}
		if r.table != Update.table {
			a *= float64(taken) / b
		}
		sum += a / float64(parts)
	}
	return sum, nil
}

// taken counts what was claimed.
func (r Reference) taken(ctx context.Context, url string) (n int, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `select count(*) from `+r.table+` where state = 'held'`).Scan(&n)
	return n, err
}

// P99 runs the statement for a leg at the size's rate and gives the 99th percentile of its times, lateness included.
func (r Reference) P99(ctx context.Context, url string, size Size) (time.Duration, error) {
	folder, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := r.Prepare(ctx, url, size); err != nil {
		return 0, err
	}
	if _, err := r.run(ctx, url, size, size.Leg, "-R", strconv.Itoa(size.Rate), "-l", "--log-prefix="+filepath.Join(folder, "log")); err != nil {
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

func (r Reference) run(ctx context.Context, url string, size Size, leg time.Duration, more ...string) ([]byte, error) {
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
		"-n", "-M", "prepared", "-c", strconv.Itoa(size.Clients), "-j", "2", "-T", strconv.Itoa(max(1, int(leg.Seconds()))), "-f", script.Name(),
		"-D", "skills=" + strconv.Itoa(size.Skills), "-D", "tasks=" + strconv.Itoa(size.Tasks),
		"-D", "served=" + strconv.Itoa(size.served()), "-D", "agents=" + strconv.Itoa(size.Agents),
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
