package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Names inside the private cluster.
const (
	userName     = "parley" // owns the cluster
	databaseName = "parley"
)

// duplicateDatabase is PostgreSQL's SQLSTATE for a database that exists.
const duplicateDatabase = "42P04"

// recoveryLimit bounds a start of PostgreSQL, recovery after a crash included.
const recoveryLimit = 10 * time.Minute

// zombieLimit is how long a postmaster may be dead and not forgotten.
const zombieLimit = 500 * time.Millisecond

// postgres is the private PostgreSQL.
type postgres struct {
	supervisor
	opts     Options
	run      *runFile
	cluster  cluster
	password string
	port     int // set by adopt or start, fixed when up has returned
}

// newPostgres finds PostgreSQL's programs and makes the cluster unless there is one.
func newPostgres(ctx context.Context, opts Options, run *runFile) (*postgres, error) {
	password, err := passwordOf(opts.Home)
	if err != nil {
		return nil, err
	}
	cluster, err := openCluster(ctx, opts, password)
	if err != nil {
		return nil, err
	}
	p := &postgres{opts: opts, run: run, cluster: cluster, password: password}
	p.supervisor = supervisor{
		name: "PostgreSQL", server: p, log: filepath.Join(opts.Home, "log", "postgres.log"), logger: opts.Logger,
	}
	return p, nil
}

func (p *postgres) up(ctx context.Context) error {
	if err := p.supervisor.up(ctx); err != nil {
		return err
	}
	// A server that is killed at this moment is back on the same port within seconds.
	ctx, cancel := context.WithTimeout(ctx, adoptLimit)
	defer cancel()
	for {
		err := p.createDatabase(ctx)
		if err == nil {
			return nil
		}
		wait(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("create database %s: %w", databaseName, err)
		}
	}
}

// url is how to reach a database of the cluster.
func (p *postgres) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(userName, p.password), Host: address(p.port), Path: "/" + database,
		RawQuery: "sslmode=disable", // loopback
	}
	return u.String()
}

// adopt takes over a postmaster on our data directory if it runs with the settings that we would give it.
func (p *postgres) adopt(ctx context.Context) (*process, error) {
	pid, commandLine, found := orphan(p.pidFile(), filepath.Join(p.cluster.bin, "postgres"), p.cluster.data)
	if !found {
		return nil, nil
	}
	child := adoptProcess(pid, commandLine)
	port := p.run.read().Postgres.Port
	same, err := p.cluster.hasSettings(port)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, child.end(ctx, p.stopping()...)
	}
	p.port = port
	return child, nil
}

func (p *postgres) start(ctx context.Context, stable bool) (*process, error) {
	// A postmaster that we did not start, or whose end we missed, would keep the data directory.
	if pid, commandLine, found := orphan(p.pidFile(), "postgres", p.cluster.data); found {
		if err := adoptProcess(pid, commandLine).end(ctx, p.stopping()...); err != nil {
			return nil, err
		}
	}
	if err := p.afterZombie(ctx); err != nil {
		return nil, err
	}
	endLeftovers(ctx, p.cluster.data)
	if !stable {
		port, err := pickPort(p.run.read().Postgres.Port, p.opts.Home, "postgres")
		if err != nil {
			return nil, err
		}
		p.port = port
		if err := p.cluster.writeSettings(port); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(filepath.Join(p.cluster.bin, "postgres"), "-D", p.cluster.data) // it outlives ctx
	cmd.Dir, cmd.Env, cmd.SysProcAttr = p.cluster.data, p.cluster.env(), p.cluster.as()
	return startProcess(cmd, p.log, p.opts.Ephemeral)
}

// afterZombie waits until the system forgets a postmaster that has ended: until then a new one takes it for alive. Where
// nobody asks for its end, as in a container without an init, the wait ends with the removal of its pid file; processes
// that it left behind would still keep a new one out, by the shared memory of the data directory (PostgreSQL 12 and later).
func (p *postgres) afterZombie(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, zombieLimit)
	defer cancel()
	for isZombie(pidIn(p.pidFile())) {
		if ctx.Err() != nil {
			return os.Remove(p.pidFile())
		}
		wait(ctx, 10*time.Millisecond)
	}
	return nil
}

func (p *postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryLimit)
	defer cancel()
	for {
		err := p.ping(ctx)
		if err == nil {
			return nil
		}
		wait(ctx, 50*time.Millisecond)
		if ctx.Err() != nil {
			return err
		}
	}
}

func (p *postgres) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (p *postgres) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "create database "+databaseName)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == duplicateDatabase {
		return nil
	}
	return err
}

func (p *postgres) note(pid int) error {
	return p.run.update(func(info *RunInfo) {
		info.Postgres = PostgresInfo{PID: pid, Port: p.port, Data: p.cluster.data}
	})
}

// stopping is PostgreSQL's fast shutdown, then its immediate one.
func (p *postgres) stopping() []signalStep {
	return []signalStep{{syscall.SIGINT, 20 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}}
}

func (p *postgres) pidFile() string { return filepath.Join(p.cluster.data, "postmaster.pid") }

// passwordOf reads the password of the cluster's owner, or makes one for a new cluster.
func passwordOf(home string) (string, error) {
	path := filepath.Join(home, "postgres.password")
	content, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := randomText()
	return password, writeFile(path, []byte(password+"\n"), 0o600)
}

// settings is what the private cluster runs with, beside PostgreSQL's defaults. fsync and synchronous_commit are named
// because Parley's promises rest on them.
func settings(port int, preload string) string {
	lines := []string{
		"# Written by parley at each start; put your own settings below the include in postgresql.conf.",
		"listen_addresses = '" + loopback + "'",
		"port = " + strconv.Itoa(port),
		"unix_socket_directories = ''",
		"max_connections = 200",
		"shared_buffers = 128MB",
		"shared_preload_libraries = '" + preload + "'",
		"fsync = on",
		"full_page_writes = on",
		"synchronous_commit = on",
		"track_wal_io_timing = on",
		"autovacuum = on",
		"jit = off", // short statements only: compiling them costs more than running them
		"random_page_cost = 1.1",
		"log_min_messages = warning",
		"log_checkpoints = off",
		"log_timezone = 'UTC'",
		"timezone = 'UTC'",
	}
	return strings.Join(lines, "\n") + "\n"
}
