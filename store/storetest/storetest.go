// Package storetest gives tests a store of their own: a fresh database with the schema and a small house in it.
package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"parley/interaction"
	"parley/store"
)

// Setting names the PostgreSQL that tests may make databases in.
const Setting = "PARLEY_TEST_DATABASE_URL"

// WithRequest is the store's own, for tests that may not import it.
var WithRequest = store.WithRequest

// New gives a store in a new database with the House in it.
func New(t testing.TB, opt store.Options) *store.Store {
	t.Helper()
	s := Empty(t, opt)
	require.NoError(t, s.Apply(t.Context(), interaction.System, House()))
	return s
}

// Open is Empty for tests that may not import the store.
func Open(t testing.TB, wake store.Wake) *store.Store { return Empty(t, store.Options{Wake: wake}) }

// Empty gives a store in a new database, which is dropped when the test is over. Without a PostgreSQL the test is skipped, and says so.
func Empty(t testing.TB, opt store.Options) *store.Store {
	t.Helper()
	server := os.Getenv(Setting)
	if server == "" {
		t.Skipf("SKIPPED: needs PostgreSQL; set %s, as make test does", Setting)
	}
	ctx := t.Context()
	name := fmt.Sprintf("test_%s", strings.ReplaceAll(string(interaction.NewID()), "-", ""))
	admin(ctx, t, server, "create database "+name)
	t.Cleanup(func() { admin(context.WithoutCancel(ctx), t, server, "drop database if exists "+name+" with (force)") })

	own, err := url.Parse(server)
	require.NoError(t, err)
	own.Path = "/" + name
	require.NoError(t, store.Migrate(ctx, own.String()))
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Renderer == nil {
		opt.Renderer = plain{}
	}
	s, err := store.Open(ctx, own.String(), opt)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func admin(ctx context.Context, t testing.TB, server, statement string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, server)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	require.NoError(t, err)
}

// plain renders a response as it stands.
type plain struct{}

func (plain) Render(source string, _ map[string]any) (string, error) { return source, nil }

func (plain) RenderHTML(source string, _ map[string]any) (string, error) { return source, nil }

// House is the setup that tests start from: two groups with a queue each, one entry point, people of every role.
func House() interaction.Setup {
	all := 100
	return interaction.Setup{
		Groups: []interaction.Group{{Name: "service"}, {Name: "sales"}},
		Queues: []interaction.Queue{
			{Name: "service", Group: "service", ReviewPercent: &all},
			{Name: "sales", Group: "sales", ReviewPercent: &all},
		},
		EntryPoints: []interaction.EntryPoint{{
			Name: "support", Channel: interaction.Email, Address: "support@example.test",
			Workflow: interaction.WorkflowEmail, Queue: "service", FromName: "Support",
		}, {
			Name: "web", Channel: interaction.Chat, Address: "web", Workflow: interaction.WorkflowChat, Queue: "service",
		}},
		Agents: []interaction.NewAgent{
			{Login: "ann", Name: "Ann", Email: "ann@agents.test", Role: interaction.RoleAgent, Groups: []string{"service"}},
			{Login: "ben", Name: "Ben", Role: interaction.RoleAgent, Groups: []string{"service"}, Skills: map[string]int{"billing": 8}},
			{Login: "carl", Name: "Carl", Role: interaction.RoleAgent, Groups: []string{"sales"}},
			{Login: "sue", Name: "Sue", Role: interaction.RoleSenior, Groups: []string{"service"}},
			{Login: "vic", Name: "Vic", Role: interaction.RoleSupervisor, Groups: []string{"service"}},
			{Login: "dan", Name: "Dan", Role: interaction.RoleDesigner, Groups: []string{"service"}},
			{Login: "root", Name: "Root", Role: interaction.RoleAdmin},
		},
	}
}

// Person gives the actor of a login of the House.
func Person(t testing.TB, s *store.Store, login string) interaction.Actor {
	t.Helper()
	a := interaction.Actor{Login: login, Groups: []string{}}
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select id, role,
		(select coalesce(array_agg(group_name), '{}') from agent_groups where agent_id = id) from agents where login = $1`, login).
		Scan(&a.Agent, &a.Role, &a.Groups))
	return a
}
