package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"parley/activities/conversation"
	"parley/activities/delivery"
	"parley/interaction"
)

// room is a desk with a chat session: it remembers what the system did in it.
type room struct {
	*desk
	policies interaction.ChatTold
	asks     []string                                // keys of what the customer is to be asked, in order
	lacks    []string                                // what a message by mail lacks, in order
	onTurn   func(name string, in conversation.Turn) // what the customer does behind a step
	mail     bool                                    // the customer wants the transcript
	turns    []string                                // steps, in order
}

func newRoom(t *testing.T) *room {
	r := &room{desk: newDesk(t)}
	r.number, r.policies = 1, interaction.ChatTold{
		WaitSeconds: 600, WrapUpSeconds: 180, WhenNobody: interaction.InsteadMessage, WhenClosed: interaction.InsteadMessage, WhenGone: interaction.InsteadMessage,
	}
	turn := func(name string, told func(in conversation.Turn) interaction.ChatTold) func(context.Context, conversation.Turn) (interaction.ChatTold, error) {
		return func(_ context.Context, in conversation.Turn) (interaction.ChatTold, error) {
			r.turns = append(r.turns, name)
			if r.onTurn != nil {
				r.onTurn(name, in)
			}
			return told(in), nil
		}
	}
	key := func(list []string, n int) string {
		if n < len(list) {
			return list[n]
		}
		return ""
	}
	r.OnActivity((*conversation.Activities)(nil).BeginChat, mock.Anything, mock.Anything).Return(turn("begin", func(conversation.Turn) interaction.ChatTold {
		told := r.policies
		told.Questions = len(r.asks)
		return told
	})).Maybe()
	r.OnActivity((*conversation.Activities)(nil).AskCustomer, mock.Anything, mock.Anything).Return(turn("ask", func(in conversation.Turn) interaction.ChatTold {
		return interaction.ChatTold{Asked: key(r.asks, in.Question)}
	})).Maybe()
	r.OnActivity((*conversation.Activities)(nil).AskForMessage, mock.Anything, mock.Anything).Return(turn("ask for message", func(in conversation.Turn) interaction.ChatTold {
		return interaction.ChatTold{Asked: key(r.lacks, in.Question)}
	})).Maybe()
	r.OnActivity((*conversation.Activities)(nil).EndOfChat, mock.Anything, mock.Anything).Return(turn("end", func(in conversation.Turn) interaction.ChatTold {
		return interaction.ChatTold{Reason: in.Reason + "/" + in.Policy}
	})).Maybe()
	r.OnActivity((*conversation.Activities)(nil).KeepChatTranscript, mock.Anything, mock.Anything).
		Return(func(context.Context, conversation.Turn) (interaction.ChatKept, error) {
			r.turns = append(r.turns, "transcript")
			return interaction.ChatKept{Message: 9, Mail: r.mail}, nil
		}).Maybe()
	return r
}

// session plays the news of one session, each some time after the task is opened.
func (r *room) session(news ...interaction.News) {
	r.onAsk = func(task interaction.ID, _ interaction.Ask) {
		for n, piece := range news {
			piece.Task = task
			r.tell(time.Duration(n+1)*time.Minute, piece)
		}
	}
}

var (
	joined = interaction.News{Kind: interaction.NewsJoined, Agent: ann}
	left   = interaction.News{Kind: interaction.NewsLeft, Agent: ann}
	over   = interaction.News{Kind: interaction.NewsEnded, Code: "customer"}
	asleep = interaction.News{Kind: interaction.NewsLeft, Agent: ann, Code: "asleep"}
	woken  = interaction.News{Kind: interaction.NewsLeft, Code: "woken"}
	solved = interaction.News{Kind: interaction.NewsDone, Agent: ann, Code: "solved"}
)

func (r *room) run() string {
	r.ExecuteWorkflow(Chat, interaction.Start{Interaction: mailID, Channel: interaction.Chat, Direction: interaction.In, Kit: interaction.KitVersion, Number: 1})
	require.True(r.t, r.IsWorkflowCompleted())
	require.NoError(r.t, r.GetWorkflowError())
	require.NotEmpty(r.t, r.ends)
	require.Equal(r.t, "transcript", r.turns[len(r.turns)-1], "the transcript follows every story")
	return r.ends[len(r.ends)-1].Reason
}

func TestAChatIsTalkedWrappedUpAndMailed(t *testing.T) {
	tests := []struct {
		name string
		news []interaction.News
		mail bool
		want string
	}{
		{"the customer ends it, the agent says how it was", []interaction.News{joined, over, solved}, true, "solved"},
		{"the agent ends both at once", []interaction.News{joined, over, left, solved}, false, "solved"},
		{"his word of the end comes before the session's", []interaction.News{joined, solved, over}, false, "solved"},
		{"the agent never says how it was", []interaction.News{joined, over}, true, "handled"},
		{"put away until the customer speaks, and then again", []interaction.News{joined, asleep, woken, joined, asleep, joined, over, solved}, false, "solved"},
		{"put away, and the customer never speaks again", []interaction.News{joined, asleep, over}, false, "handled"},
		{"one agent leaves, the next one comes", []interaction.News{joined, left, joined, over, solved}, false, "solved"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom(t)
			r.mail = tt.mail
			r.session(tt.news...)
			if tt.name == "the agent ends both at once" {
				r.found = interaction.Withdrawn{State: interaction.TaskDone}
			}
			require.Equal(t, tt.want, r.run())
			require.Len(t, r.asked, 1, "one task from beginning to end")
			var sent []int64
			if tt.mail {
				sent = []int64{9}
			}
			require.Equal(t, sent, r.sent)
		})
	}
}

func TestQuestionsAreAskedOneAfterTheOther(t *testing.T) {
	r := newRoom(t)
	r.asks = []string{"order", "email"}
	r.onTurn = func(name string, in conversation.Turn) {
		if name == "ask" {
			r.tell(time.Minute, interaction.News{Kind: interaction.NewsAnswered, Code: r.asks[in.Question]})
		}
	}
	r.session(joined, over, solved)
	require.Equal(t, "solved", r.run())
	require.Equal(t, []string{"begin", "ask", "ask", "transcript"}, r.turns)
}

func TestAChatThatComesToNothing(t *testing.T) {
	tests := []struct {
		name    string
		closed  bool
		policy  string
		lacks   []string
		news    []interaction.News
		want    string
		turns   []string
		invited int
	}{
		{
			"nobody in time: he leaves a message", false, interaction.InsteadMessage,
			[]string{"email", "message"},
			nil, "nobody_there/message",
			[]string{"begin", "ask for message", "ask for message", "end", "transcript"},
			1,
		},
		{"nobody in time: it stops", false, interaction.InsteadStop, nil, nil, "nobody_there/stop", []string{"begin", "end", "transcript"}, 1},
		{
			"the customer goes while he waits", false, interaction.InsteadMessage,
			[]string{"email"},
			[]interaction.News{over},
			"customer_gone/message",
			[]string{"begin", "end", "transcript"},
			1,
		},
		{
			"the customer goes when his agent has left", false, interaction.InsteadStop, nil,
			[]interaction.News{joined, left, over},
			"customer_gone/stop",
			[]string{"begin", "end", "transcript"},
			1,
		},
		{"out of hours", true, interaction.InsteadMessage, []string{"email"}, nil, "closed/message", []string{"begin", "ask for message", "ask for message", "end", "transcript"}, 0},
		{
			"out of hours: he is to be called", true, interaction.InsteadBook,
			[]string{"call_back", "phone"},
			nil, "closed/book",
			[]string{"begin", "ask for message", "ask for message", "end", "transcript"},
			0,
		},
		{"he goes and is to be called", false, interaction.InsteadBook, nil, []interaction.News{over}, "customer_gone/book", []string{"begin", "end", "transcript"}, 1},
		{"out of hours, no message", true, interaction.InsteadStop, nil, nil, "closed/stop", []string{"begin", "end", "transcript"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom(t)
			r.policies.Closed, r.lacks = tt.closed, tt.lacks
			r.policies.WhenNobody, r.policies.WhenClosed, r.policies.WhenGone = tt.policy, tt.policy, tt.policy
			r.session(tt.news...)
			r.onTurn = func(name string, in conversation.Turn) {
				if name == "ask for message" && in.Question < len(r.lacks) {
					r.tell(time.Minute, interaction.News{Kind: interaction.NewsAnswered, Code: r.lacks[in.Question]})
				}
			}
			require.Equal(t, tt.want, r.run())
			require.Equal(t, tt.turns, r.turns)
			require.Len(t, r.asked, tt.invited)
		})
	}
}

// At the deadline a task may be on offer, or taken a moment ago: then the customer goes on waiting for who was asked.
func TestATaskOnOfferAtTheDeadlineIsLeftToWhoIsAsked(t *testing.T) {
	r := newRoom(t)
	r.found = interaction.Withdrawn{State: interaction.TaskOffered, Agent: ann}
	r.onAsk = func(task interaction.ID, _ interaction.Ask) {
		r.tell(10*time.Minute+15*time.Second, interaction.News{Kind: interaction.NewsJoined, Task: task, Agent: ann})
		r.tell(time.Hour, interaction.News{Kind: interaction.NewsEnded, Task: task, Code: "customer"})
		r.tell(time.Hour+time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "solved"})
	}
	require.Equal(t, "solved", r.run())
}

// A supervisor's stop unwinds the story from every wait, and the transcript is kept all the same.
func TestStopUnwindsAChatFromEveryWait(t *testing.T) {
	stop := interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderStop, Value: "abuse"}
	tests := []struct {
		name  string
		asks  []string
		lacks []string
		news  []interaction.News
		after time.Duration
	}{
		{"waiting for an answer", []string{"order"}, nil, nil, time.Minute},
		{"waiting for an agent", nil, nil, nil, time.Minute},
		{"in conversation", nil, nil, []interaction.News{joined}, time.Hour},
		{"waiting for the next agent", nil, nil, []interaction.News{joined, left}, 5 * time.Minute},
		{"wrapping up", nil, nil, []interaction.News{joined, over}, 150 * time.Second},
		{"waiting for an address", nil, []string{"email"}, nil, 15 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom(t)
			r.asks, r.lacks = tt.asks, tt.lacks
			r.session(tt.news...)
			r.number = 100
			r.RegisterDelayedCallback(func() {
				n := stop
				n.Number = 1000
				r.SignalWorkflow(interaction.SignalNews, n)
			}, tt.after)
			require.Equal(t, "abuse", r.run())
		})
	}
}

func TestHoldStopsTheCustomersClock(t *testing.T) {
	r := newRoom(t)
	r.tell(5*time.Minute, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderHold})
	r.tell(time.Hour, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderResume})
	r.onAsk = func(task interaction.ID, _ interaction.Ask) {
		r.tell(time.Hour+9*time.Minute, interaction.News{Kind: interaction.NewsJoined, Task: task})
		r.tell(2*time.Hour, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "solved"})
	}
	require.Equal(t, "solved", r.run())
}

// On hold the story does not go on, whatever the customer does; resumed, it goes on from there.
func TestOnHoldAnAnswerIsKept(t *testing.T) {
	r := newRoom(t)
	r.asks = []string{"order"}
	r.tell(time.Minute, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderHold})
	r.tell(2*time.Minute, interaction.News{Kind: interaction.NewsAnswered, Code: "order"})
	r.RegisterDelayedCallback(func() { require.Empty(t, r.asked, "nobody is invited on hold") }, 59*time.Minute)
	r.tell(time.Hour, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderResume})
	r.session(joined, over, solved)
	require.Equal(t, "solved", r.run())
}

// A session that is over stays over, however often its story is told.
func TestCategoriseAgainDoesNotBeginAChatAnew(t *testing.T) {
	r := newRoom(t)
	r.mail = true
	r.session(joined, over, interaction.News{Kind: interaction.NewsOrder, Code: interaction.OrderRecategorize, Value: "billing/refund"}, left)
	r.onTurn = func(name string, _ conversation.Turn) { r.asks = nil }
	reason := r.run()
	require.Contains(t, []string{"handled", "customer_gone/message"}, reason)
	require.Equal(t, []int64{9}, r.sent)
}

// A long conversation continues as new in the middle, and knows that its agent is there.
func TestAChatContinuesAsNewInTheMiddle(t *testing.T) {
	first := newRoom(t)
	var task interaction.ID
	first.onAsk = func(id interaction.ID, _ interaction.Ask) {
		task = id
		first.tell(time.Minute, interaction.News{Kind: interaction.NewsJoined, Task: id, Agent: ann})
		first.RegisterDelayedCallback(func() { first.SetContinueAsNewSuggested(true) }, 90*time.Second)
		first.tell(2*time.Minute, interaction.News{Kind: interaction.NewsLeft, Task: id, Agent: ann})
	}
	first.ExecuteWorkflow(Chat, interaction.Start{Interaction: mailID, Channel: interaction.Chat, Kit: interaction.KitVersion, Number: 1})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, first.GetWorkflowError(), &again)
	require.Empty(t, first.ends)
	var next interaction.Start
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	require.NotNil(t, next.Carried.Chat)
	require.False(t, next.Carried.Chat.Present)
	require.Equal(t, ann, next.Carried.Chat.Agent)

	second := newRoom(t)
	second.SetStartTime(next.Carried.Chat.Alone)
	second.number = next.Carried.Seen
	second.tell(9*time.Minute, interaction.News{Kind: interaction.NewsJoined, Task: task, Agent: sue})
	second.tell(time.Hour, interaction.News{Kind: interaction.NewsEnded, Task: task, Code: "inactive"})
	second.tell(time.Hour+time.Minute, interaction.News{Kind: interaction.NewsDone, Task: task, Code: "solved"})
	second.ExecuteWorkflow(Chat, next)
	require.NoError(t, second.GetWorkflowError())
	require.Empty(t, second.asked, "the task is open already")
	require.Equal(t, []string{"transcript"}, second.turns, "nobody is greeted twice")
	require.Equal(t, "solved", second.ends[0].Reason)
}

// A transcript whose mail may or may not have left is not sent again, and nobody is asked about it.
func TestALostAnswerToATranscriptBothersNobody(t *testing.T) {
	r := newRoom(t)
	r.mail = true
	r.onSend = func(int64) delivery.Sent { return delivery.Sent{State: interaction.SendUnknown} }
	r.session(joined, over, solved)
	require.Equal(t, "solved", r.run())
	require.Equal(t, []int64{9}, r.sent)
	require.Len(t, r.asked, 1)
}
