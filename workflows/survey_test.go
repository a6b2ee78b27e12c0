package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"parley/activities/delivery"
	"parley/activities/postprocessing"
	"parley/activities/survey"
	"parley/interaction"
)

// asksSurveys has the desk ask by the message of this number; 0: the store says that nobody is asked. It gives how often it was asked to.
func (d *desk) asksSurveys(message int64) *int {
	times := new(int)
	d.OnActivity((*survey.Activities)(nil).AskCustomerSurvey, mock.Anything, mock.Anything).
		Return(func(context.Context, survey.Ask) (interaction.SurveyAskedFor, error) {
			*times++
			return interaction.SurveyAskedFor{Message: message}, nil
		}).Maybe()
	return times
}

// The survey is the last thing of a story, once, where its entry point has one and the store asks.
func TestASurveyFollowsTheStory(t *testing.T) {
	tests := []struct {
		name    string
		surveys bool
		message int64
		asked   int
		sent    []int64
	}{
		{"mailed behind the answer", true, 3, 1, []int64{2, 3}},
		{"the store asks nobody", true, 0, 1, []int64{2}},
		{"an interaction that was begun without", false, 3, 0, []int64{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			asked := d.asksSurveys(tt.message)
			d.onAsk = func(task interaction.ID, _ interaction.Ask) {
				d.tell(time.Minute, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 2, Agent: ann})
			}
			d.ExecuteWorkflow(Email, interaction.Start{
				Interaction: mailID, Channel: interaction.Email, Direction: interaction.In, Kit: interaction.KitVersion, Number: 1, Message: 1, Survey: tt.surveys,
			})
			require.NoError(t, d.GetWorkflowError())
			require.Equal(t, "answered", d.ends[len(d.ends)-1].Reason)
			require.Equal(t, tt.asked, *asked)
			require.Equal(t, tt.sent, d.sent)
		})
	}
}

// A survey whose carrier's answer was lost bothers nobody: no task is opened to settle it.
func TestALostAnswerToASurveyBothersNobody(t *testing.T) {
	r := newRoom(t)
	asked := r.asksSurveys(10)
	r.session(joined, over, solved)
	r.onSend = func(int64) delivery.Sent { return delivery.Sent{State: interaction.SendUnknown} }
	r.ExecuteWorkflow(Chat, interaction.Start{Interaction: mailID, Channel: interaction.Chat, Direction: interaction.In, Kit: interaction.KitVersion, Number: 1, Survey: true})
	require.NoError(t, r.GetWorkflowError())
	require.Equal(t, "solved", r.ends[len(r.ends)-1].Reason)
	require.Equal(t, 1, *asked)
	require.Equal(t, []int64{10}, r.sent)
	require.Len(t, r.asked, 1, "the conversation's own task and no other")
}

// The customer writes while the survey is on its way: the story begins anew with that, and he is asked once.
func TestACustomerWhoWritesBehindTheSurvey(t *testing.T) {
	d := newDesk(t)
	asked := d.asksSurveys(3)
	replies := int64(0)
	d.onAsk = func(task interaction.ID, _ interaction.Ask) {
		replies++
		d.tell(time.Minute, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 2 + 10*(replies-1), Agent: ann})
	}
	d.onSend = func(message int64) delivery.Sent {
		if message == 3 && replies == 1 {
			d.tell(0, interaction.News{Kind: interaction.NewsMessage, Message: 4})
		}
		return delivery.Sent{State: interaction.SendSent}
	}
	first := true
	d.onEnd = func(postprocessing.End) *interaction.Stopping {
		if first {
			first = false
			return &interaction.Stopping{Last: d.number}
		}
		return nil
	}
	d.ExecuteWorkflow(Email, interaction.Start{
		Interaction: mailID, Channel: interaction.Email, Direction: interaction.In, Kit: interaction.KitVersion, Number: 1, Message: 1, Survey: true,
	})
	require.NoError(t, d.GetWorkflowError())
	require.EqualValues(t, 2, replies, "he was answered again")
	require.Equal(t, 2, *asked, "the store says the same to the same step, and the ledger sends nothing twice")
}
