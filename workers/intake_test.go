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
	tries   []interaction.ID
	deaf    int // so many of the next calls of PutBack fail
}

func (b *box) Take(context.Context, int) ([]interaction.Taken, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := b.rows
	b.rows = nil
	return rows, nil
}

func (b *box) Raw(context.Context, interaction.ID) ([]byte, error) { return []byte("raw"), nil }

func (b *box) KeepPart(context.Context, interaction.Taken, interaction.Part) (interaction.KeptPart, error) {
	return interaction.KeptPart{Wait: true}, nil
}

func (b *box) PutBack(_ context.Context, id interaction.ID, _ int, _ bool) error {
	if b.deaf > 0 {
		b.deaf--
		return errors.New("PostgreSQL is away")
	}
	b.back = append(b.back, id)
	return nil
}

func (b *box) Try(_ context.Context, id interaction.ID) error {
	b.tries = append(b.tries, id)
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
		tried    bool
		parser   interaction.Parser
		subject  string
		kept     bool
	}{
		{"read", 1, false, good, "read", false},
		{"a parser that panics leaves it to a person", 1, false, parserFunc(func() interaction.Parsed { panic("bad mail") }), "", true},
		{"tried before", 2, true, good, "read", false},
		{"the fourth try is not parsed: three times the process died over it", 3, true, good, "", true},
		{"no parser for the channel", 1, false, nil, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &box{settled: map[interaction.ID]interaction.Parsed{}, rows: []interaction.Taken{{ID: "one", Channel: interaction.Email, Attempts: tt.attempts, Tried: tt.tried}}}
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

// PostgreSQL that is away for the row is away for the word that it was not at fault, too: it is said until it is heard.
func TestATryThatFailedForPostgreSQLIsPutBackInTheEnd(t *testing.T) {
	b := &box{
		settled: map[interaction.ID]interaction.Parsed{}, deaf: 2, fail: map[interaction.ID]error{"a": interaction.Unavailable("database_away", errors.New("away"))},
		rows: []interaction.Taken{{ID: "a", Channel: interaction.Email, Attempts: 1}},
	}
	w := &Intake{Store: b, Log: slog.New(slog.DiscardHandler)}
	_, err := w.round(t.Context())
	require.Error(t, err, "the row itself waits for the next round")
	require.Equal(t, []interaction.ID{"a"}, b.back)
}

// A row that somebody died over is blamed for what its own bytes do, and for nothing that goes before or comes behind.
func TestATryAtARowThatWasTriedBeforeCountsWhileItIsParsed(t *testing.T) {
	b := &box{settled: map[interaction.ID]interaction.Parsed{}, rows: []interaction.Taken{{ID: "a", Channel: interaction.Email, Attempts: 1, Tried: true}}}
	w := &Intake{Store: b, Log: slog.New(slog.DiscardHandler), Parsers: map[interaction.Channel]interaction.Parser{interaction.Email: parserFunc(func() interaction.Parsed {
		require.Equal(t, []interaction.ID{"a"}, b.tries)
		require.Empty(t, b.back)
		return interaction.Parsed{}
	})}}
	_, err := w.round(t.Context())
	require.NoError(t, err)
	require.Equal(t, []interaction.ID{"a"}, b.back)
	require.Len(t, b.settled, 1)
}

// The checks of a sender are kept with the message; one that panics, or none for the channel, costs nothing but its answer.
func TestIntakeKeepsWhatTheChecksSay(t *testing.T) {
	type check = func(context.Context, []byte, interaction.Facts) map[string]string
	for name, c := range map[string]struct {
		check check
		want  map[string]string
	}{
		"an answer": {func(_ context.Context, raw []byte, facts interaction.Facts) map[string]string {
			return map[string]string{"spf": "pass", "saw": string(raw) + " from " + facts.Peer}
		}, map[string]string{"spf": "pass", "saw": "raw from 192.0.2.1:25"}},
		"a panic":  {func(context.Context, []byte, interaction.Facts) map[string]string { panic("bad record") }, nil},
		"no check": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := &box{settled: map[interaction.ID]interaction.Parsed{}, rows: []interaction.Taken{{ID: "one", Channel: interaction.Email, Facts: interaction.Facts{Peer: "192.0.2.1:25"}}}}
			w := &Intake{
				Store: b, Log: slog.New(slog.DiscardHandler), Checks: map[interaction.Channel]check{interaction.Email: c.check},
				Parsers: map[interaction.Channel]interaction.Parser{interaction.Email: parserFunc(func() interaction.Parsed { return interaction.Parsed{Message: interaction.Message{Subject: "read"}} })},
			}
			_, err := w.round(t.Context())
			require.NoError(t, err)
			require.Equal(t, "read", b.settled["one"].Message.Subject)
			require.Equal(t, c.want, b.settled["one"].Message.Auth)
		})
	}
}
