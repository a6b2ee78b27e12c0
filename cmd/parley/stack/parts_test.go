package stack

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOrphanIsNeverAStranger(t *testing.T) {
	home := t.TempDir()
	stranger := exec.CommandContext(t.Context(), "sleep", "600")
	require.NoError(t, stranger.Start())
	ours := exec.CommandContext(t.Context(), "sh", "-c", "sleep 600; :", home)
	require.NoError(t, ours.Start())
	t.Cleanup(func() {
		_ = stranger.Process.Kill()
		_ = ours.Process.Kill()
		_, _ = stranger.Process.Wait()
		_, _ = ours.Process.Wait()
	})

	for _, c := range []struct {
		name    string
		content string
		found   bool
	}{
		{"our process", strconv.Itoa(ours.Process.Pid) + "\n/some/where\n", true},
		{"a stranger with a reused pid", strconv.Itoa(stranger.Process.Pid), false},
		{"init", "1", false},
		{"every process", "-1", false},
		{"our group", "0", false},
		{"rubbish", "forty-two", false},
		{"nothing", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			require.NoError(t, os.WriteFile(file, []byte(c.content), 0o600))
			pid, _, found := orphan(file, home)
			require.Equal(t, c.found, found)
			if found {
				require.Equal(t, ours.Process.Pid, pid)
			}
		})
	}
	_, _, found := orphan(filepath.Join(home, "no such file"), home)
	require.False(t, found)
}

func TestZombieIsNeitherAliveNorGone(t *testing.T) {
	require.False(t, isZombie(0))
	require.False(t, isZombie(os.Getpid()))
	child := exec.CommandContext(t.Context(), "true")
	require.NoError(t, child.Start())
	require.Eventually(t, func() bool { return isZombie(child.Process.Pid) }, 10*time.Second, time.Millisecond)
	require.NoError(t, child.Wait())
	require.False(t, isZombie(child.Process.Pid))
}

func TestPickPortKeepsTheLastOneWhileItIsFree(t *testing.T) {
	first, err := pickPort(0, "/home/a", "postgres")
	require.NoError(t, err)
	require.GreaterOrEqual(t, first, firstPort)
	require.Less(t, first, lastPort)
	again, err := pickPort(first, "/home/b", "postgres")
	require.NoError(t, err)
	require.Equal(t, first, again)

	listener, err := net.Listen("tcp", address(first))
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	other, err := pickPort(first, "/home/a", "postgres")
	require.NoError(t, err)
	require.NotEqual(t, first, other)
}

func TestRunInfoSurvivesBeingRewritten(t *testing.T) {
	home := t.TempDir()
	run, err := openRunFile(home)
	require.NoError(t, err)
	s := &Stack{run: run}
	require.NoError(t, run.update(func(i *RunInfo) { i.Postgres = PostgresInfo{PID: 7, Port: 20001, Data: "d"} }))
	require.NoError(t, s.SetParley("127.0.0.1:8080", "127.0.0.1:2525"))
	info, err := ReadRunInfo(home)
	require.NoError(t, err)
	require.Equal(t, RunInfo{
		Parley:   ParleyInfo{PID: os.Getpid(), Port: 8080, HTTP: "127.0.0.1:8080", SMTPPort: 2525, SMTP: "127.0.0.1:2525"},
		Postgres: PostgresInfo{PID: 7, Port: 20001, Data: "d"},
	}, info)
}

func TestUpWithServersThatAreThereStartsNone(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	s, err := Up(t.Context(), Options{Home: home, DatabaseURL: "postgres://somewhere/parley", Temporal: "temporal:7233"})
	require.NoError(t, err)
	require.Equal(t, "postgres://somewhere/parley", s.DatabaseURL())
	require.Equal(t, "temporal:7233", s.TemporalAddress())
	require.Empty(t, s.UIAddress())
	require.NoError(t, s.Down(t.Context()))
	require.NoDirExists(t, filepath.Join(home, "postgres"))
}

func TestSourceStampFollowsTheSources(t *testing.T) {
	module := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(content), 0o600))
	}
	stamp := func() string {
		s, err := sourceStamp(module)
		require.NoError(t, err)
		return s
	}
	write("main.go", "package main")
	write("go.mod", "module m")
	first := stamp()
	write("main_test.go", "package main")
	write("notes.txt", "nothing compiled")
	require.Equal(t, first, stamp())
	write("go.mod", "module m2")
	require.NotEqual(t, first, stamp())
}

func TestClusterLeavesAHomeThatItsUserCannotEnter(t *testing.T) {
	owner, err := clusterOwner()
	require.NoError(t, err)
	if owner == nil {
		t.Skip("SKIPPED: only root runs PostgreSQL as another user; run it as root")
	}
	closed := filepath.Join(t.TempDir(), "home")
	require.NoError(t, os.Mkdir(closed, 0o700))
	var said strings.Builder
	root, err := clusterRoot(Options{Home: closed, Out: &said}, owner)
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(root) })
	require.Equal(t, sharedHomes, filepath.Dir(root))
	require.True(t, canEnter(root, owner))
	require.Contains(t, said.String(), root)
}

func TestSettingsPromiseDurability(t *testing.T) {
	text := settings(20001, "pg_stat_statements")
	for _, line := range []string{
		"fsync = on", "synchronous_commit = on", "full_page_writes = on", "port = 20001",
		"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''",
	} {
		require.Contains(t, text, line+"\n")
	}
}
