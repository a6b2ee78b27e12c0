package stack

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// limit bounds one start or one return of a server.
const limit = 90 * time.Second

// helperHome, when set, makes the test program a Parley on that home that waits to be killed.
const helperHome = "PARLEY_TEST_STACK_HOME"

func TestMain(m *testing.M) {
	if home := os.Getenv(helperHome); home != "" {
		if _, err := Up(context.Background(), Options{Home: home, Source: FindSource()}); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("up\n")
		select {}
	}
	os.Exit(m.Run())
}

func TestKilledServersReturn(t *testing.T) {
	home := newHome(t)
	s := bringUp(t, home)
	before := readRun(t, home)
	insertMark(t, s)

	for _, server := range []struct {
		name string
		pid  func(RunInfo) int
	}{
		{"PostgreSQL", func(i RunInfo) int { return i.Postgres.PID }},
		{"Temporal", func(i RunInfo) int { return i.Temporal.PID }},
		{"PostgreSQL again", func(i RunInfo) int { return i.Postgres.PID }},
	} {
		t.Run(server.name, func(t *testing.T) {
			killed := server.pid(readRun(t, home))
			require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
			require.Eventually(t, func() bool {
				pid := server.pid(readRun(t, home))
				return pid != killed && commandLineOf(pid) != "" && answers(t, s)
			}, limit, 20*time.Millisecond)
			after := readRun(t, home)
			require.Equal(t, before.Postgres.Port, after.Postgres.Port)
			require.Equal(t, before.Temporal.Port, after.Temporal.Port)
			require.Equal(t, before.Temporal.UIPort, after.Temporal.UIPort)
			requireMark(t, s)
		})
	}
}

// A process that a killed postmaster leaves behind, and that does not notice, keeps no new one out.
func TestWhatAKilledServerLeavesBehindIsEnded(t *testing.T) {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		t.Skip("SKIPPED: leftovers are found in /proc; run it on Linux")
	}
	home := newHome(t)
	s := bringUp(t, home)
	insertMark(t, s)
	info := readRun(t, home)
	var frozen int
	for _, pid := range serversIn(info.Postgres.Data) {
		if pid != info.Postgres.PID && strings.Contains(commandLineOf(pid), "checkpointer") {
			frozen = pid
		}
	}
	require.NotZero(t, frozen)
	require.NoError(t, syscall.Kill(frozen, syscall.SIGSTOP))
	require.NoError(t, syscall.Kill(info.Postgres.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool { return readRun(t, home).Postgres.PID != info.Postgres.PID && answers(t, s) }, limit, 20*time.Millisecond)
	requireMark(t, s)
	require.NotContains(t, serversIn(info.Postgres.Data), frozen)
}

func TestSecondParleyIsRefused(t *testing.T) {
	home := newHome(t)
	bringUp(t, home)
	_, err := Up(t.Context(), Options{Home: home})
	require.ErrorContains(t, err, "already runs on "+home)
	require.ErrorContains(t, err, "PARLEY_HOME")
}

func TestStopAndStartGoesOnWhereItWas(t *testing.T) {
	home := newHome(t)
	s := bringUp(t, home)
	insertMark(t, s)
	before := readRun(t, home)
	takeDown(t, s)
	down := readRun(t, home)
	require.Zero(t, down.Parley.PID+down.Postgres.PID+down.Temporal.PID)
	require.Empty(t, commandLineOf(before.Postgres.PID))
	require.Empty(t, commandLineOf(before.Temporal.PID))

	s = bringUp(t, home)
	requireMark(t, s)
	require.Equal(t, before.Postgres.Port, readRun(t, home).Postgres.Port)
	require.Equal(t, before.Temporal.Port, readRun(t, home).Temporal.Port)
}

func TestOrphansOfAKilledParleyAreAdopted(t *testing.T) {
	home := newHome(t)
	killedParley(t, home)
	orphans := readRun(t, home)
	require.NotEmpty(t, commandLineOf(orphans.Postgres.PID), "PostgreSQL outlives parley")
	require.NotEmpty(t, commandLineOf(orphans.Temporal.PID), "Temporal outlives parley")

	s := bringUp(t, home)
	adopted := readRun(t, home)
	require.Equal(t, orphans.Postgres.PID, adopted.Postgres.PID)
	require.Equal(t, orphans.Temporal.PID, adopted.Temporal.PID)
	require.Equal(t, os.Getpid(), adopted.Parley.PID)

	require.NoError(t, syscall.Kill(adopted.Postgres.PID, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		pid := readRun(t, home).Postgres.PID
		return pid != adopted.Postgres.PID && answers(t, s)
	}, limit, 20*time.Millisecond, "an adopted server is kept running like one of our own")
}

func TestOrphansThatNoLongerFitAreEnded(t *testing.T) {
	home := newHome(t)
	killedParley(t, home)
	orphans := readRun(t, home)
	conf := filepath.Join(orphans.Postgres.Data, "parley.conf")
	require.NoError(t, os.WriteFile(conf, []byte("# another version's settings\n"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(home, "run.json")))

	s := bringUp(t, home)
	require.True(t, answers(t, s))
	require.Empty(t, commandLineOf(orphans.Postgres.PID))
	require.Empty(t, commandLineOf(orphans.Temporal.PID))
}

func TestWithServicesPassesOnTheExitCode(t *testing.T) {
	needsServers(t)
	code, err := WithServices(t.Context(), Options{Source: FindSource()}, []string{
		"sh", "-c", `test -n "$PARLEY_TEST_DATABASE_URL" && test -n "$PARLEY_TEST_TEMPORAL_ADDRESS" && exit 7`,
	})
	require.NoError(t, err)
	require.Equal(t, 7, code)
}

// bringUp starts a stack that ends with the test.
func bringUp(t *testing.T, home string) *Stack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	s, err := Up(ctx, Options{Home: home, Source: FindSource(), Out: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { takeDown(t, s) })
	return s
}

func takeDown(t *testing.T, s *Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	defer cancel()
	require.NoError(t, s.Down(ctx))
}

// killedParley runs a Parley on the home until its servers answer and kills it, not them.
func killedParley(t *testing.T, home string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperHome+"="+home)
	cmd.Stderr = t.Output()
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	up := make([]byte, 3)
	_, err = output.Read(up)
	require.NoError(t, err)
	require.Equal(t, "up\n", string(up))
	require.NoError(t, cmd.Process.Kill())
	var exit *exec.ExitError
	require.True(t, errors.As(cmd.Wait(), &exit))
}

// newHome is an empty home that PostgreSQL's user can enter, as the test's own temporary directory is not.
func newHome(t *testing.T) string {
	t.Helper()
	needsServers(t)
	home, err := os.MkdirTemp("", "parley-stack-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	return home
}

func needsServers(t *testing.T) {
	t.Helper()
	if os.Getenv("PARLEY_TEST_STACK") == "" {
		t.Skip("SKIPPED: starts PostgreSQL and builds Temporal; set PARLEY_TEST_STACK=1 (make test does)")
	}
}

func readRun(t *testing.T, home string) RunInfo {
	t.Helper()
	info, err := ReadRunInfo(home)
	require.NoError(t, err)
	return info
}

// answers says whether both servers work.
func answers(t *testing.T, s *Stack) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return s.postgres.ping(ctx) == nil && s.temporal.ready(ctx) == nil
}

func insertMark(t *testing.T, s *Stack) {
	t.Helper()
	conn := connect(t, s)
	_, err := conn.Exec(t.Context(), "create table mark (word text); insert into mark values ('kept')")
	require.NoError(t, err)
}

func requireMark(t *testing.T, s *Stack) {
	t.Helper()
	var word string
	require.NoError(t, connect(t, s).QueryRow(t.Context(), "select word from mark").Scan(&word))
	require.Equal(t, "kept", word)
}

func connect(t *testing.T, s *Stack) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestPasswordIsNotForOthers(t *testing.T) {
	home := t.TempDir()
	password, err := passwordOf(home)
	require.NoError(t, err)
	require.Len(t, password, 48)
	again, err := passwordOf(home)
	require.NoError(t, err)
	require.Equal(t, password, again)
	info, err := os.Stat(filepath.Join(home, "postgres.password"))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
	require.False(t, strings.ContainsAny(password, "\n"))
}

func TestTemporalSetUpThatWasCutOffIsDoneAgain(t *testing.T) {
	home := newHome(t)
	s := bringUp(t, home)
	takeDown(t, s)

	// What a kill in the middle of the first start leaves: tables, and no version.
	opts, err := Options{Home: home}.withDefaults()
	require.NoError(t, err)
	run, err := openRunFile(home)
	require.NoError(t, err)
	cluster, err := newPostgres(t.Context(), opts, run)
	require.NoError(t, err)
	require.NoError(t, cluster.up(t.Context()))
	conn, err := pgx.Connect(t.Context(), cluster.url("temporal"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "delete from schema_version; drop table executions")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	require.NoError(t, cluster.down(t.Context()))

	require.True(t, answers(t, bringUp(t, home)))
}
