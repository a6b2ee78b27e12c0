package delivery

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"parley/interaction"
)

// ledger is a store of one row.
type ledger struct {
	state   interaction.SendState
	attempt interaction.ID
	lost    bool // BeginSend finds another attempt
	repeat  bool
	ends    []interaction.Outcome
}

func (l *ledger) RepeatSend(_ context.Context, _ interaction.ID, _ int64, attempt interaction.ID, _ interaction.Outcome) (bool, error) {
	if l.repeat || attempt != l.attempt {
		return false, nil
	}
	l.repeat, l.state = true, interaction.SendQueued
	return true, nil
}

func (l *ledger) PrepareSend(context.Context, interaction.ID, int64) (interaction.Dispatch, error) {
	return interaction.Dispatch{State: l.state, Attempt: l.attempt, Out: interaction.Outbound{MessageID: "m@example.test"}}, nil
}

func (l *ledger) BeginSend(_ context.Context, _ interaction.ID, _ int64, attempt interaction.ID) (bool, error) {
	if l.lost {
		return false, nil
	}
	l.state, l.attempt = interaction.SendInFlight, attempt
	return true, nil
}

func (l *ledger) EndSend(_ context.Context, _ interaction.ID, _ int64, attempt interaction.ID, o interaction.Outcome) (interaction.SendState, error) {
	if attempt != "" && attempt != l.attempt {
		return "", errors.New("the end of another attempt")
	}
	l.ends = append(l.ends, o)
	l.state = o.State
	return o.State, nil
}

func (l *ledger) UploadData(context.Context, interaction.ID) ([]byte, error) { return nil, nil }

func (l *ledger) MaySendAgain(context.Context, interaction.ID, string, int64, []time.Duration) (interaction.Again, error) {
	return interaction.Again{}, nil
}

func (l *ledger) SendAgain(context.Context, interaction.ID, string, int64) (int64, error) {
	return 0, nil
}

// carrier sends with a scripted outcome.
type carrier struct {
	outcome interaction.Outcome
	before  bool // the outcome comes before the irreversible byte
	calls   int
}

func (c *carrier) Send(ctx context.Context, _ interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	c.calls++
	if c.before {
		return c.outcome
	}
	if err := commit(ctx); err != nil {
		return interaction.Outcome{Aborted: true, State: interaction.SendQueued}
	}
	return c.outcome
}

// probing is a carrier that can tell afterwards.
type probing struct {
	carrier
	state interaction.SendState
}

func (p *probing) Probe(context.Context, string) (interaction.SendState, error) { return p.state, nil }

func TestSendMessage(t *testing.T) {
	sent := interaction.Outcome{State: interaction.SendSent, Code: "250"}
	tests := []struct {
		name     string
		ledger   ledger
		sender   interaction.Sender
		want     interaction.SendState
		deferred bool
		calls    int
	}{
		{"sent", ledger{state: interaction.SendQueued}, &carrier{outcome: sent}, interaction.SendSent, false, 1},
		{"sent before: nothing leaves", ledger{state: interaction.SendSent}, &carrier{outcome: sent}, interaction.SendSent, false, 0},
		{"cancelled: nothing leaves", ledger{state: interaction.SendCancelled}, &carrier{outcome: sent}, interaction.SendCancelled, false, 0},
		{"refused", ledger{state: interaction.SendQueued}, &carrier{outcome: interaction.Outcome{State: interaction.SendNotSent}}, interaction.SendNotSent, false, 1},
		{"answer lost behind the dot", ledger{state: interaction.SendQueued}, &carrier{outcome: interaction.Outcome{State: interaction.SendUnknown}}, interaction.SendUnknown, false, 1},
		{"away before the dot: again later", ledger{state: interaction.SendQueued}, &carrier{outcome: interaction.Outcome{State: interaction.SendQueued}, before: true}, "", true, 1},
		{"451 behind the dot: again later", ledger{state: interaction.SendQueued}, &carrier{outcome: interaction.Outcome{State: interaction.SendQueued, Code: "451"}}, "", true, 1},
		{"another attempt is quicker: nothing leaves", ledger{state: interaction.SendQueued, lost: true}, &carrier{outcome: sent}, "", true, 1},
		{"found in flight: unknown, no network", ledger{state: interaction.SendInFlight, attempt: "dead"}, &carrier{outcome: sent}, interaction.SendUnknown, false, 0},
		{"found in flight, the carrier knows it left", ledger{state: interaction.SendInFlight, attempt: "dead"}, &probing{state: interaction.SendSent}, interaction.SendSent, false, 0},
		{"found in flight, the carrier knows it did not", ledger{state: interaction.SendInFlight, attempt: "dead"}, &probing{state: interaction.SendNotSent}, "", true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &Activities{Store: &tt.ledger, Sender: func(interaction.Outbound) interaction.Sender { return tt.sender }}
			got, err := a.SendMessage(t.Context(), Send{Message: 1})
			if tt.deferred {
				var app *temporal.ApplicationError
				require.ErrorAs(t, err, &app)
				require.Equal(t, TypeDeferred, app.Type())
				require.False(t, app.NonRetryable())
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.want, got.State)
			}
			switch s := tt.sender.(type) {
			case *carrier:
				require.Equal(t, tt.calls, s.calls)
			case *probing:
				require.Equal(t, tt.calls, s.calls)
			}
		})
	}
}

// TestOneFlaggedRepeatWhereItIsAllowed: by default an unknown outcome is a person's; a deployment may allow one repeat, not two.
func TestOneFlaggedRepeatWhereItIsAllowed(t *testing.T) {
	for name, row := range map[string]ledger{"answer lost": {state: interaction.SendQueued}, "found in flight": {state: interaction.SendInFlight, attempt: "dead"}} {
		t.Run(name, func(t *testing.T) {
			carrier := &carrier{outcome: interaction.Outcome{State: interaction.SendUnknown}}
			a := &Activities{Store: &row, Sender: func(interaction.Outbound) interaction.Sender { return carrier }, RepeatUnknown: true}
			_, err := a.SendMessage(t.Context(), Send{Message: 1})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, TypeDeferred, app.Type())
			require.True(t, row.repeat)
			before := carrier.calls
			got, err := a.SendMessage(t.Context(), Send{Message: 1})
			require.NoError(t, err)
			require.Equal(t, interaction.SendUnknown, got.State)
			require.Equal(t, before+1, carrier.calls)
		})
	}
}

func TestOnlyDigitsOfAnAnswerReachAHistory(t *testing.T) {
	require.Equal(t, "550 5.1.1 ", digits("550 5.1.1 <cleo@customer.test> unknown"))
	require.Empty(t, digits("cleo"))
}

// A carrier's "not now" is left alone longer each time; a part of ours that was away is not a reason to wait long.
func TestPauses(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	tests := []struct {
		name   string
		sender interaction.Sender
		want   time.Duration
	}{
		{"the carrier says not now", &carrier{outcome: interaction.Outcome{State: interaction.SendQueued, Code: "451"}}, firstPause},
		{"our own part was away", &carrier{outcome: interaction.Outcome{State: interaction.SendQueued}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := suite.NewTestActivityEnvironment()
			l := &ledger{state: interaction.SendQueued, lost: tt.want == 0}
			a := &Activities{Store: l, Sender: func(interaction.Outbound) interaction.Sender { return tt.sender }}
			env.RegisterActivity(a)
			_, err := env.ExecuteActivity(a.SendMessage, Send{Message: 1})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, tt.want, app.NextRetryDelay())
		})
	}
}
