package workers

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// post is an outbox of batches for the relay.
type post struct {
	batches []interaction.Batch
	done    []int
	late    []interaction.ID
}

func (p *post) Relay(ctx context.Context, _ int, send func(context.Context, []interaction.Batch) []int) (int, error) {
	p.done = send(ctx, p.batches)
	return len(p.batches), nil
}

func (p *post) Late(_ context.Context, id interaction.ID) error {
	p.late = append(p.late, id)
	return nil
}

// wire is a Temporal that answers by interaction.
type wire struct {
	fail map[interaction.ID]error
	got  map[interaction.ID][]interaction.NewsKind
}

func (w *wire) Start(_ context.Context, _ string, in interaction.Start) error {
	return w.take(in.Interaction, interaction.NewsStart)
}

func (w *wire) Signal(_ context.Context, id interaction.ID, n interaction.News) error {
	return w.take(id, n.Kind)
}

func (w *wire) take(id interaction.ID, kind interaction.NewsKind) error {
	if err := w.fail[id]; err != nil {
		return err
	}
	w.got[id] = append(w.got[id], kind)
	return nil
}

func TestRelay(t *testing.T) {
	news := []interaction.News{{Number: 1, Kind: interaction.NewsStart}, {Number: 2, Kind: interaction.NewsMessage}}
	tests := []struct {
		name     string
		workflow string
		fail     error
		done     int
		late     bool
		err      bool
		got      []interaction.NewsKind
	}{
		{"in order", "Email", nil, 2, false, false, []interaction.NewsKind{interaction.NewsStart, interaction.NewsMessage}},
		{"Temporal away: nothing is marked, all of it is tried again", "Email", interaction.Unavailable("temporal_away", nil), 0, false, true, nil},
		{"no run: late", "Email", interaction.Unknown("run"), 0, true, false, nil},
		{"stopped before it began: no start", "", nil, 2, false, false, []interaction.NewsKind{interaction.NewsMessage}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &post{batches: []interaction.Batch{{Interaction: "i", Workflow: tt.workflow, Start: interaction.Start{Interaction: "i"}, News: news}}}
			w := &wire{fail: map[interaction.ID]error{"i": tt.fail}, got: map[interaction.ID][]interaction.NewsKind{}}
			r := &Relay{Store: p, Engine: w, Log: slog.New(slog.DiscardHandler)}
			_, err := r.round(t.Context())
			require.Equal(t, tt.err, err != nil)
			require.Equal(t, []int{tt.done}, p.done)
			require.Equal(t, tt.late, len(p.late) == 1)
			require.Equal(t, tt.got, w.got["i"])
		})
	}
}
