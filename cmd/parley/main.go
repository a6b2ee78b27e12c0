// Command parley is the one binary of Parley. It is the only place that reads configuration and joins the parts.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"parley/cmd/parley/stack"
)

// stopLimit is how long an orderly stop may take before what still runs is killed.
const stopLimit = 30 * time.Second

type cli struct {
	Run          runCommand          `cmd:"" name:"run" help:"Run everything on this machine, with the demo's configuration."`
	Demo         demoCommand         `cmd:"" help:"Play the demo against a running Parley and show what happens."`
	Up           upCommand           `cmd:"" help:"Run the roles of this process against a PostgreSQL and a Temporal that are there already."`
	Apply        applyCommand        `cmd:"" help:"Bring the configuration to what files say."`
	Diff         diffCommand         `cmd:"" help:"Print what apply would change; exit code 2 if there is anything."`
	Export       exportCommand       `cmd:"" help:"Print the configuration as a file that apply takes."`
	Audit        auditCommand        `cmd:"" help:"Look after the audit."`
	Inspect      inspectCommand      `cmd:"" help:"Show what is inside of something that came over a wire."`
	Model        modelCommand        `cmd:"" help:"Judge the models that put texts into categories."`
	Migrate      migrateCommand      `cmd:"" help:"Bring the database's schema to this build's version."`
	Services     servicesCommand     `cmd:"" help:"Run PostgreSQL and Temporal alone, until interrupted."`
	WithServices withServicesCommand `cmd:"" name:"with-services" help:"Run a command beside a PostgreSQL and a Temporal of its own."`
}

// exitError ends the program with a code that a child gave.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if code := command(ctx, os.Args[1:], os.Stderr); code != 0 {
		stop()
		os.Exit(code)
	}
}

// exitConfig is the exit code of everything that is wrong with settings or configuration (EX_CONFIG).
const exitConfig = 78

// command runs what the arguments ask for and gives the exit code. What is wrong is told in lines, one for each thing.
func command(ctx context.Context, args []string, stderr io.Writer) int {
	parser, err := kong.New(new(cli), kong.Name("parley"),
		kong.Description("A contact centre's written channels on Temporal and PostgreSQL."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		tell(stderr, err)
		return 1
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		tell(stderr, fmt.Errorf("%w; parley --help tells more", err))
		return exitConfig
	}
	err = parsed.Run()
	var exit exitError
	var wrong configError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &wrong):
		tell(stderr, wrong)
		return exitConfig
	}
	tell(stderr, err)
	return 1
}

// tell writes an error, each of its lines with our name before it. Who reads no errors is not told so.
func tell(stderr io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintln(stderr, "parley:", strings.TrimRight(line, "\n"))
	}
}

type servicesCommand struct {
	Home        string `env:"PARLEY_HOME" default:".parley" help:"Directory for all state."`
	DatabaseURL string `env:"PARLEY_DATABASE_URL" help:"A PostgreSQL that is there already."`
	Temporal    string `env:"TEMPORAL_ADDRESS" help:"A Temporal that is there already, host:port."`
}

// Run starts the servers and waits for an interrupt.
func (c *servicesCommand) Run(ctx context.Context) error {
	services, err := stack.Up(ctx, stack.Options{
		Home: c.Home, DatabaseURL: c.DatabaseURL, Temporal: c.Temporal, Out: os.Stdout, Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	fmt.Printf("PostgreSQL   %s\nTemporal     %s\nTemporal UI  http://%s\n",
		services.DatabaseURL(), services.TemporalAddress(), services.UIAddress())
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	return services.Down(stopping)
}

type withServicesCommand struct {
	Home    string   `help:"Directory for the servers' state; a temporary one if none is given."`
	Command []string `arg:"" passthrough:"" help:"The command and its arguments; it finds the servers in PARLEY_TEST_DATABASE_URL and PARLEY_TEST_TEMPORAL_ADDRESS."`
}

// Run passes on the command's exit code.
func (c *withServicesCommand) Run(ctx context.Context) error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	code, err := stack.WithServices(ctx, stack.Options{Home: c.Home, Out: os.Stderr, Logger: slog.Default()}, command)
	if err == nil && code != 0 {
		return exitError(code)
	}
	return err
}
