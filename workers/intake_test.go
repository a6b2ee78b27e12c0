package workers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// box is an inbox of rows for the intake.
type box struct {
	mu      sync.Mutex
	rows    []interaction.Taken
	settled map[interaction.ID]interaction.Parsed
	fail    map[interaction.ID]error
	back    []interaction.ID
}

func (b *box) Take(context.Context, int) ([]interaction.Taken, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := b.rows
	b.rows = nil
	return rows, nil
}

func (b *box) Raw(context.Context, interaction.ID) ([]byte, error) { return []byte("raw"), nil }

func (b *box) PutBack(_ context.Context, id interaction.ID) error {
	b.back = append(b.back, id)
	return nil
}

func (b *box) Settle(_ context.Context, in interaction.Taken, p interaction.Parsed) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fail[in.ID]; err != nil {
		return err
	}
	b.settled[in.ID] = p
	return nil
}

type parserFunc func() interaction.Parsed

func (f parserFunc) Parse([]byte, interaction.Facts) interaction.Parsed { return f() }

func TestIntakeLosesNothing(t *testing.T) {
	good := parserFunc(func() interaction.Parsed { return interaction.Parsed{Message: interaction.Message{Subject: "read"}} })
	tests := []struct {
		name     string
		attempts int
		parser   interaction.Parser
		subject  string
		kept     bool
	}{
		{"read", 1, good, "read", false},
		{"a parser that panics leaves it to a person", 1, parserFunc(func() interaction.Parsed { panic("bad mail") }), "", true},
		{"the seventh try is not parsed: six times the process died over it", 7, good, "", true},
		{"no parser for the channel", 1, nil, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &box{settled: map[interaction.ID]interaction.Parsed{}, rows: []interaction.Taken{{ID: "one", Channel: interaction.Email, Attempts: tt.attempts}}}
			w := &Intake{Store: b, Log: slog.New(slog.DiscardHandler), Parsers: map[interaction.Channel]interaction.Parser{}}
			if tt.parser != nil {
				w.Parsers[interaction.Email] = tt.parser
			}
			found, err := w.round(t.Context())
			require.NoError(t, err)
			require.True(t, found)
			p, ok := b.settled["one"]
			require.True(t, ok)
			require.Equal(t, tt.subject, p.Message.Subject)
			require.Equal(t, tt.kept, len(p.Message.Problems) > 0)
			if tt.kept {
				require.Equal(t, []string{interaction.ProblemKeptRaw}, p.Message.Problems)
				require.NotEmpty(t, p.Message.Text)
			}
		})
	}
}

func TestOneBadRowDoesNotHoldUpTheOthers(t *testing.T) {
	b := &box{
		settled: map[interaction.ID]interaction.Parsed{}, fail: map[interaction.ID]error{"b": interaction.Unavailable("database_away", errors.New("gone"))},
		rows: []interaction.Taken{{ID: "a", Channel: interaction.Email}, {ID: "b", Channel: interaction.Email}, {ID: "c", Channel: interaction.Email}},
	}
	w := &Intake{Store: b, Log: slog.New(slog.DiscardHandler), Parsers: map[interaction.Channel]interaction.Parser{interaction.Email: parserFunc(func() interaction.Parsed { return interaction.Parsed{} })}}
	found, err := w.round(t.Context())
	require.Error(t, err)
	require.False(t, found, "it waits before it tries again")
	require.Len(t, b.settled, 2)
	require.Equal(t, []interaction.ID{"b"}, b.back, "that PostgreSQL was away is not counted against the row")
}
