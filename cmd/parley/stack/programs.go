package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// findPrograms returns a directory with PostgreSQL's server programs, of the given major version unless that is empty.
// As root on Debian it installs them when there are none.
func findPrograms(ctx context.Context, opts Options, version string) (string, error) {
	found := programs(ctx)
	if len(found) == 0 && canInstall() {
		if err := install(ctx, opts); err != nil {
			return "", err
		}
		found = programs(ctx)
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL's server programs are missing: " + installHint())
	}
	if version == "" {
		return found[0].bin, nil
	}
	for _, p := range found {
		if p.version == version {
			return p.bin, nil
		}
	}
	return "", fmt.Errorf("the cluster in %s was made by PostgreSQL %s, here is only %s: install PostgreSQL %s, or move the cluster by pg_upgrade",
		opts.Home, version, found[0].version, version)
}

type program struct {
	bin     string
	version string // major, such as 15
}

// programs are the places with both initdb and postgres, the newest version first, then as on PATH.
func programs(ctx context.Context) []program {
	var places []string
	if path, err := exec.LookPath("postgres"); err == nil {
		places = append(places, filepath.Dir(path))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		matches, _ := filepath.Glob(pattern) // the patterns are well formed
		places = append(places, matches...)
	}
	var found []program
	for _, bin := range places {
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue
		}
		if version := majorVersion(ctx, bin); version != "" {
			found = append(found, program{bin: bin, version: version})
		}
	}
	slices.SortStableFunc(found, func(a, b program) int {
		x, _ := strconv.Atoi(a.version) // majorVersion gives digits only
		y, _ := strconv.Atoi(b.version)
		return cmp.Compare(y, x)
	})
	return found
}

// majorVersion reads "postgres (PostgreSQL) 15.8 (Debian …)"; empty when it cannot be run.
func majorVersion(ctx context.Context, bin string) string {
	output, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(output), ") ")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		return rest
	}
	return rest[:end]
}

// preloadLibraries names pg_stat_statements if it is installed: operators look at it first.
func preloadLibraries(bin string) string {
	if real, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres")); err == nil {
		bin = filepath.Dir(real) // pg_config stands beside the program itself, not beside a link to it
	}
	output, err := exec.Command(filepath.Join(bin, "pg_config"), "--pkglibdir").Output()
	if err != nil {
		return ""
	}
	matches, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(output)), "pg_stat_statements.*"))
	if len(matches) == 0 {
		return ""
	}
	return "pg_stat_statements"
}

func canInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Getuid() == 0
}

func install(ctx context.Context, opts Options) error {
	opts.say("PostgreSQL is missing: installing it with apt-get install postgresql")
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", "postgresql"},
	} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w:\n%s", args[0], err, output)
		}
	}
	return nil
}

func installHint() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql@17"
	}
	return "apt-get install postgresql, or set PARLEY_DATABASE_URL and TEMPORAL_ADDRESS to servers that are there already"
}

func lookUp(name string) (*syscall.Credential, error) {
	account, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
