// Command parley-temporal is a Temporal server with its Web UI as one small program on one PostgreSQL server.
//
// It exists for `make run` and the end-to-end tests and is a Go module of its own, so that Parley never compiles
// go.temporal.io/server. On start it creates the databases that are missing, brings Temporal's own schema up to date,
// starts the four services in this process, registers the namespace and prints the line "ready". Everything listens on
// 127.0.0.1. SIGTERM or an interrupt stops it in order; a kill -9 costs nothing but the time to start again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// passwordVariable holds the database password. It is not a flag, because every user of the machine can read those.
const passwordVariable = "PARLEY_TEMPORAL_PASSWORD"

// softMemoryLimit makes the garbage collector work harder above this many bytes, so that one box is enough.
const softMemoryLimit = 256 << 20

// options are the command line.
type options struct {
	database     string // host:port of PostgreSQL
	user         string
	password     string
	frontendPort int
	uiPort       int // 0: no Web UI
	namespace    string
	retention    time.Duration
	shards       int
	pidFile      string // empty: none
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "parley-temporal:", err)
		os.Exit(1)
	}
}

func run() error {
	opts, err := parseOptions(os.Args[1:])
	if err != nil {
		return err
	}
	if err := writePID(opts.pidFile); err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemoryLimit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	logger := newLogger()
	if err := prepareDatabases(opts, logger); err != nil {
		return err
	}
	server, err := newServer(opts, logger)
	if err != nil {
		return fmt.Errorf("set up the server: %w", err)
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if err := registerNamespace(ctx, opts); err != nil {
		return errors.Join(err, server.Stop())
	}
	stopUI := startUI(opts)
	fmt.Println("ready")

	<-ctx.Done()
	stopUI()
	return server.Stop()
}

func parseOptions(args []string) (options, error) {
	opts := options{password: os.Getenv(passwordVariable)}
	flags := flag.NewFlagSet("parley-temporal", flag.ContinueOnError)
	flags.StringVar(&opts.database, "database", "127.0.0.1:5432", "PostgreSQL, host:port; the password comes from "+passwordVariable)
	flags.StringVar(&opts.user, "user", "parley", "PostgreSQL user; may create databases")
	flags.IntVar(&opts.frontendPort, "port", 7233, "port of the frontend (gRPC)")
	flags.IntVar(&opts.uiPort, "ui-port", 8233, "port of the Web UI; 0 for none")
	flags.StringVar(&opts.namespace, "namespace", "parley", "namespace to register")
	flags.DurationVar(&opts.retention, "retention", 72*time.Hour, "how long closed workflows stay in a new namespace")
	flags.StringVar(&opts.pidFile, "pid-file", "", "file to write the process id to, first of all")
	flags.IntVar(&opts.shards, "shards", 4, "history shards of a new database; cannot change later")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return opts, nil
}

// writePID lets whoever starts us next on the same databases find us, even if the one who started us is gone. The file
// stays when we end: its reader checks whose the process id is.
func writePID(path string) error {
	if path == "" {
		return nil
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	return nil
}
