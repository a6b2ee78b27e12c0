package api

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/interaction"
	"parley/lib/auth"
)

// fake is a store of function fields; what a test does not set is not called.
type fake struct {
	Store
	actor   func(hash []byte) (interaction.Actor, error)
	claim   func(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error)
	reply   func(r interaction.Reply, version int64) (interaction.Message, error)
	list    func(f interaction.InteractionFilter, p interaction.Page) (interaction.Listed[interaction.Interaction], error)
	message func() interaction.Message
	login   func(login string) (interaction.ID, string, error)
}

func (f *fake) ActorByToken(_ context.Context, hash []byte) (interaction.Actor, error) {
	if f.actor != nil {
		return f.actor(hash)
	}
	return interaction.Actor{Agent: fakeAgent, Login: "ann", Role: interaction.RoleAgent, Groups: []string{"service"}, Token: interaction.ID(hash)}, nil
}

func (f *fake) Claim(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Task, error) {
	return f.claim(ctx, by, id)
}

func (f *fake) Reply(_ context.Context, _ interaction.Actor, _ interaction.ID, version int64, r interaction.Reply) (interaction.Message, error) {
	return f.reply(r, version)
}

func (f *fake) Interactions(_ context.Context, _ interaction.Actor, filter interaction.InteractionFilter, p interaction.Page) (interaction.Listed[interaction.Interaction], error) {
	return f.list(filter, p)
}

func (f *fake) InteractionMessage(context.Context, interaction.Actor, interaction.ID, int64) (interaction.Message, error) {
	return f.message(), nil
}

func (f *fake) InboundChannel(context.Context, interaction.ID) (interaction.Channel, error) {
	return interaction.Email, nil
}

func (f *fake) Raw(context.Context, interaction.ID) ([]byte, error) { return []byte("raw mail"), nil }

func (f *fake) Credentials(_ context.Context, login string) (interaction.ID, string, error) {
	return f.login(login)
}

func (f *fake) CreateToken(context.Context, interaction.Actor, interaction.NewToken) (interaction.ID, error) {
	return interaction.NewID(), nil
}

func (f *fake) Agent(_ context.Context, id interaction.ID) (interaction.Agent, error) {
	return interaction.Agent{ID: id, Login: "ann", Role: interaction.RoleAgent, Since: time.Unix(0, 0)}, nil
}

var fakeAgent = interaction.NewID()

// caller calls an API over fakes with a token of its own.
type caller struct {
	t     *testing.T
	url   string
	token string
}

func newCaller(t *testing.T, f *fake, change ...func(*Deps)) *caller {
	t.Helper()
	deps := Deps{
		Store: f, RatePerSecond: 10000, Burst: 10000,
		Once: func(ctx context.Context, _ string, _ []byte, _ *bool) context.Context { return ctx },
		Part: func(_ interaction.Channel, raw []byte, _ int) ([]byte, error) { return raw, nil },
	}
	for _, c := range change {
		c(&deps)
	}
	server := httptest.NewServer(New(deps))
	t.Cleanup(server.Close)
	token, _ := auth.NewToken()
	return &caller{t, server.URL, token}
}

func (c *caller) do(method, path, body string, headers ...string) answered {
	c.t.Helper()
	return request(c.t, c.url, c.token, method, path, body, headers...)
}

// logTo writes the log into b.
func logTo(b *strings.Builder) func(*Deps) {
	return func(d *Deps) { d.Log = slog.New(slog.NewTextHandler(b, nil)) }
}

// newCallerOf calls the same API with another token.
func newCallerOf(t *testing.T, c *caller) *caller {
	t.Helper()
	token, _ := auth.NewToken()
	return &caller{t, c.url, token}
}

func goodHash(token string) string {
	hash, _ := auth.HashToken(token)
	return string(hash[:])
}
