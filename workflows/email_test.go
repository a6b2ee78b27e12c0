package workflows

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"parley/activities/autoresponse"
	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/review"
	"parley/activities/routing"
	"parley/activities/understanding"
	"parley/interaction"
)

const (
	mailID = interaction.ID("0190e3c5-7b1a-7c3d-8e4f-0123456789ab")
	ann    = interaction.ID("0190e3c5-7b1a-7c3d-8e4f-00000000000a")
	sue    = interaction.ID("0190e3c5-7b1a-7c3d-8e4f-00000000000b")
)

// desk stands for the house in a workflow's test: it answers the steps and remembers them.
type desk struct {
	*testsuite.TestWorkflowEnvironment
	t       *testing.T
	number  int64
	asked   []interaction.Ask
	sent    []int64
	ends    []postprocessing.End
	seen    interaction.Understood
	review  bool         // replies are reviewed
	outside func() error // there is a classifier outside; what asking it comes to
	alone   bool         // the own model was asked last because the classifier could not be
	auto    map[interaction.Usage]int64
	onAsk   func(task interaction.ID, a interaction.Ask) // what people do
	onEnd   func(e postprocessing.End) *interaction.Stopping
	onSend  func(message int64) delivery.Sent
	found   interaction.Withdrawn
}

func newDesk(t *testing.T) *desk {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	d := &desk{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, number: 1, auto: map[interaction.Usage]int64{}}
	d.SetTestTimeout(20 * time.Second)
	d.seen = interaction.Understood{Message: 1, Language: "en", Category: "orders/status"}
	d.found = interaction.Withdrawn{Done: true}

	d.OnActivity((*understanding.Activities)(nil).UnderstandMessage, mock.Anything, mock.Anything).
		Return(func(_ context.Context, r understanding.Request) (interaction.Understood, error) {
			if d.alone = r.Alone; d.outside != nil && !d.alone {
				return interaction.Understood{Message: r.Message, AskOutside: true}, nil
			}
			seen := d.seen
			seen.Message = r.Message
			return seen, nil
		}).Maybe()
	d.OnActivity((*understanding.Activities)(nil).AskOutside, mock.Anything, mock.Anything).
		Return(func(context.Context, understanding.Request) (interaction.Understood, error) {
			return d.seen, d.outside()
		}).Maybe()
	d.OnActivity((*autoresponse.Activities)(nil).WriteAutomaticAnswer, mock.Anything, mock.Anything).
		Return(func(_ context.Context, a interaction.AutoAnswer) (interaction.AutoAnswered, error) {
			number, ok := d.auto[a.Usage]
			return interaction.AutoAnswered{Queued: ok, Message: number}, nil
		}).Maybe()
	d.OnActivity((*routing.Activities)(nil).OpenTask, mock.Anything, mock.Anything).
		Return(func(_ context.Context, a interaction.Ask) (interaction.ID, error) { return d.ask(a), nil }).Maybe()
	d.OnActivity((*routing.Activities)(nil).WithdrawTask, mock.Anything, mock.Anything).
		Return(func(context.Context, routing.Withdrawal) (interaction.Withdrawn, error) { return d.found, nil }).Maybe()
	d.OnActivity((*review.Activities)(nil).OpenReview, mock.Anything, mock.Anything).
		Return(func(_ context.Context, r review.Request) (interaction.Review, error) {
			if !d.review {
				return interaction.Review{}, nil
			}
			task := d.ask(interaction.Ask{Interaction: r.Interaction, Step: r.Step, Kind: interaction.TaskReview, Message: r.Message, Author: r.Author, Cycles: r.Cycles})
			return interaction.Review{Needed: true, Task: task}, nil
		}).Maybe()
	d.OnActivity((*review.Activities)(nil).ReleaseReply, mock.Anything, mock.Anything).Return(nil).Maybe()
	d.OnActivity((*delivery.Activities)(nil).SendMessage, mock.Anything, mock.Anything).
		Return(func(_ context.Context, s delivery.Send) (delivery.Sent, error) {
			d.sent = append(d.sent, s.Message)
			if d.onSend != nil {
				return d.onSend(s.Message), nil
			}
			return delivery.Sent{State: interaction.SendSent}, nil
		}).Maybe()
	d.OnActivity((*postprocessing.Activities)(nil).StopInteraction, mock.Anything, mock.Anything).
		Return(func(_ context.Context, e postprocessing.End) (interaction.Stopping, error) {
			d.ends = append(d.ends, e)
			if d.onEnd != nil {
				if s := d.onEnd(e); s != nil {
					return *s, nil
				}
			}
			return interaction.Stopping{Stopped: true, Last: e.Seen}, nil
		}).Maybe()
	return d
}

func (d *desk) ask(a interaction.Ask) interaction.ID {
	d.asked = append(d.asked, a)
	task := a.Interaction.Derive(a.Step)
	if d.onAsk != nil {
		d.onAsk(task, a)
	}
	return task
}

// tell sends the next news after a while of the workflow's time.
func (d *desk) tell(after time.Duration, n interaction.News) {
	d.number++
	n.Number = d.number
	d.RegisterDelayedCallback(func() { d.SignalWorkflow(interaction.SignalNews, n) }, after)
}

// run runs the email workflow to its end and gives the reason it stopped for.
func (d *desk) run() string {
	d.ExecuteWorkflow(Email, interaction.Start{
		Interaction: mailID, Channel: interaction.Email, Direction: interaction.In, Kit: interaction.KitVersion, Number: 1, Message: 1,
	})
	require.True(d.t, d.IsWorkflowCompleted())
	require.NoError(d.t, d.GetWorkflowError())
	require.NotEmpty(d.t, d.ends)
	return d.ends[len(d.ends)-1].Reason
}

func TestSpamStopsAtOnce(t *testing.T) {
	d := newDesk(t)
	d.seen.Spam = true
	require.Equal(t, "spam", d.run())
	require.Empty(t, d.asked)
	require.Empty(t, d.sent)
}

// TestTheClassifierOutsideIsAStepOfItsOwn: it is asked once the rules have left the question open; where that fails the own model decides.
func TestTheClassifierOutsideIsAStepOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		alone bool
	}{
		"asked":              {nil, false},
		"could not be asked": {temporal.NewApplicationError("away", "unavailable"), true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.outside, d.seen.Spam = func() error { return c.fails }, true
			require.Equal(t, "spam", d.run())
			require.Equal(t, c.alone, d.alone)
		})
	}
}

func TestACertainCategoryIsAnsweredAutomatically(t *testing.T) {
	tests := []struct {
		name string
		seen interaction.Understood
		sent []int64
		want string
	}{
		{"there is a response", interaction.Understood{Response: "r", Acknowledgement: "a"}, []int64{7}, "answered_automatically"},
		{"acknowledged, then for people", interaction.Understood{Acknowledgement: "a"}, []int64{8}, "closed"},
		{"nothing is to be said", interaction.Understood{}, nil, "closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.seen = tt.seen
			d.auto[interaction.UseAutoResponse], d.auto[interaction.UseAcknowledgement] = 7, 8
			d.onAsk = func(task interaction.ID, _ interaction.Ask) {
				d.tell(time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Agent: ann, Code: "closed"})
			}
			require.Equal(t, tt.want, d.run())
			require.Equal(t, tt.sent, d.sent)
		})
	}
}

func TestAReplyIsReviewedReturnedAndSentOnce(t *testing.T) {
	d := newDesk(t)
	d.review = true
	reviews := 0
	d.onAsk = func(task interaction.ID, a interaction.Ask) {
		switch {
		case a.Kind == interaction.TaskHandle:
			d.tell(time.Hour, interaction.News{Kind: interaction.NewsReply, Task: task, Message: int64(2 + reviews), Agent: ann})
		case reviews == 0:
			reviews++
			d.tell(time.Hour, interaction.News{Kind: interaction.NewsDecision, Task: task, Agent: sue, Code: "returned"})
		default:
			reviews++
			d.tell(time.Hour, interaction.News{Kind: interaction.NewsDecision, Task: task, Agent: sue, Code: "approved"})
		}
	}
	require.Equal(t, "answered", d.run())
	require.Equal(t, []int64{3}, d.sent)
	require.Len(t, d.asked, 4)
	back := d.asked[2]
	require.Equal(t, ann, back.For, "back to the author's workbin")
	require.EqualValues(t, 2, back.Message, "with the reply as his draft")
	require.Equal(t, 1, d.asked[3].Cycles)
}

func TestNobodyInTimeOpensTheTaskToEverybody(t *testing.T) {
	d := newDesk(t)
	d.onAsk = func(task interaction.ID, a interaction.Ask) {
		if len(d.asked) == 2 {
			require.Equal(t, []interaction.RouteTarget{{Kind: interaction.ToQueue}}, a.Chain)
			d.tell(time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "closed"})
		}
	}
	require.Equal(t, "closed", d.run())
	require.Len(t, d.asked, 2)
}

func TestAHeldTaskIsNotTakenBackAtTheDeadline(t *testing.T) {
	d := newDesk(t)
	d.found = interaction.Withdrawn{State: interaction.TaskHeld, Agent: ann}
	d.onAsk = func(task interaction.ID, _ interaction.Ask) {
		d.tell(14*time.Hour, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "closed"})
	}
	require.Equal(t, "closed", d.run())
	require.Len(t, d.asked, 1)
}

// What the customer writes behind the agent's reply is not lost: the story begins anew with it.
func TestAMessageBehindTheReplyBeginsTheStoryAnew(t *testing.T) {
	d := newDesk(t)
	d.onAsk = func(task interaction.ID, _ interaction.Ask) {
		if len(d.asked) > 1 {
			d.tell(time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "closed"})
			return
		}
		d.tell(time.Minute, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 2, Agent: ann})
	}
	d.onSend = func(int64) delivery.Sent {
		d.number++
		d.SignalWorkflow(interaction.SignalNews, interaction.News{Number: d.number, Kind: interaction.NewsMessage, Message: 3})
		return delivery.Sent{State: interaction.SendSent}
	}
	told := false
	d.onEnd = func(e postprocessing.End) *interaction.Stopping {
		if told || e.Seen == 3 {
			return nil
		}
		told = true
		return &interaction.Stopping{Last: 3}
	}
	require.Equal(t, "closed", d.run())
	require.Len(t, d.asked, 2)
	require.EqualValues(t, 3, d.asked[1].Message)
}

func TestOldNewsIsDropped(t *testing.T) {
	d := newDesk(t)
	d.onAsk = func(task interaction.ID, _ interaction.Ask) {
		again := interaction.News{Number: 1, Kind: interaction.NewsDone, Task: task, Code: "old"}
		d.RegisterDelayedCallback(func() { d.SignalWorkflow(interaction.SignalNews, again) }, time.Second)
		d.tell(time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "new"})
	}
	require.Equal(t, "new", d.run())
}

func TestAnUnknownSendIsSettledByAPerson(t *testing.T) {
	d := newDesk(t)
	d.onSend = func(int64) delivery.Sent { return delivery.Sent{State: interaction.SendUnknown} }
	d.onAsk = func(task interaction.ID, a interaction.Ask) {
		if a.Kind == interaction.TaskSettle {
			d.tell(time.Hour, interaction.News{Kind: interaction.NewsSettled, Task: task, Code: "sent"})
			return
		}
		d.tell(time.Minute, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 2, Agent: ann})
	}
	require.Equal(t, "answered", d.run())
	require.Equal(t, []int64{2}, d.sent, "nothing is repeated blindly")
}

// A supervisor's stop unwinds the story from every wait.
func TestStopUnwindsFromEveryWait(t *testing.T) {
	reply := func(d *desk, task interaction.ID) {
		d.tell(time.Minute, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 2, Agent: ann})
	}
	stop := interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderStop, Value: "withdrawn_by_customer"}
	tests := []struct {
		name string
		at   interaction.TaskKind
	}{
		{"waiting for an agent", interaction.TaskHandle},
		{"waiting for a reviewer", interaction.TaskReview},
		{"waiting for a settled send", interaction.TaskSettle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			d.review = true
			d.onSend = func(int64) delivery.Sent { return delivery.Sent{State: interaction.SendUnknown} }
			d.onAsk = func(task interaction.ID, a interaction.Ask) {
				switch {
				case a.Kind == tt.at:
					d.tell(time.Hour, stop)
				case a.Kind == interaction.TaskHandle:
					reply(d, task)
				case a.Kind == interaction.TaskReview:
					d.tell(time.Minute, interaction.News{Kind: interaction.NewsDecision, Task: task, Code: "approved"})
				}
			}
			require.Equal(t, "withdrawn_by_customer", d.run())
		})
	}
}

func TestOrders(t *testing.T) {
	done := func(d *desk) func(interaction.ID, interaction.Ask) {
		return func(task interaction.ID, _ interaction.Ask) {
			d.tell(20*time.Hour, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "closed"})
		}
	}
	t.Run("on hold no deadline runs", func(t *testing.T) {
		d := newDesk(t)
		d.tell(time.Hour, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderHold})
		d.onAsk = done(d)
		require.Equal(t, "closed", d.run())
		require.Len(t, d.asked, 1)
	})
	t.Run("categorise again begins anew with the category", func(t *testing.T) {
		d := newDesk(t)
		d.tell(time.Hour, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderRecategorize, Value: "billing/refund"})
		d.onAsk = func(task interaction.ID, _ interaction.Ask) {
			if len(d.asked) == 2 {
				d.tell(time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "closed"})
			}
		}
		require.Equal(t, "closed", d.run())
	})
	t.Run("an automatic answer ends it", func(t *testing.T) {
		d := newDesk(t)
		d.auto[interaction.UseAutoResponse] = 5
		d.tell(time.Hour, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderAutoRespond})
		require.Equal(t, "answered_by_order", d.run())
		require.Equal(t, []int64{5}, d.sent)
	})
}

// A workflow with a long history continues as new and waits where it waited; what it did is not done again.
func TestContinueAsNewGoesOnWhereItWaited(t *testing.T) {
	first := newDesk(t)
	var task interaction.ID
	first.onAsk = func(id interaction.ID, _ interaction.Ask) {
		task = id
		first.tell(time.Minute, interaction.News{Kind: interaction.NewsMessage, Message: 2})
		first.RegisterDelayedCallback(func() { first.SetContinueAsNewSuggested(true) }, 30*time.Second)
	}
	first.ExecuteWorkflow(Email, interaction.Start{Interaction: mailID, Kit: interaction.KitVersion, Number: 1, Message: 1})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, first.GetWorkflowError(), &again)
	require.Empty(t, first.ends)
	var next interaction.Start
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	require.EqualValues(t, 2, next.Carried.Newest)

	second := newDesk(t)
	second.number = next.Carried.Seen
	second.tell(time.Minute, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 3, Agent: ann})
	second.ExecuteWorkflow(Email, next)
	require.NoError(t, second.GetWorkflowError())
	require.Empty(t, second.asked, "the task is open already")
	require.Equal(t, []int64{3}, second.sent)
	require.Equal(t, "answered", second.ends[0].Reason)
}

// A step that was committed before its process died is run again, and what people made of it meanwhile arrives before the story is back there:
// news of a task that nobody waits for yet is kept for when somebody does.
func TestNewsOfATaskThatIsAskedForAgainIsNotLost(t *testing.T) {
	d := newDesk(t)
	d.seen.Response, d.auto[interaction.UseAutoResponse] = "r", 2
	d.onSend = func(message int64) delivery.Sent {
		if message == 2 { // the automatic answer; before the story can stop, all this has happened
			d.seen.Response = ""
			d.SignalWorkflow(interaction.SignalNews, interaction.News{Number: 2, Kind: interaction.NewsMessage, Message: 3})
			d.SignalWorkflow(interaction.SignalNews, interaction.News{
				Number: 3, Kind: interaction.NewsReply, Task: mailID.Derive("1.1-ask"), Message: 4, Agent: ann,
			})
		}
		return delivery.Sent{State: interaction.SendSent}
	}
	d.onEnd = func(e postprocessing.End) *interaction.Stopping {
		if e.Seen < 3 {
			return &interaction.Stopping{Last: 3}
		}
		return nil
	}
	require.Equal(t, "answered", d.run())
	require.Equal(t, []int64{2, 4}, d.sent)
	require.Equal(t, mailID.Derive("1.1-ask"), mailID.Derive(d.asked[0].Step))
}
