package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"parley/activities/delivery"
	"parley/interaction"
)

// TestReport: what nobody needs to see ends by itself; what has not arrived goes to who sent it, who may answer or end it.
func TestReport(t *testing.T) {
	for _, what := range []interaction.ReportKind{interaction.ReportDelivered, interaction.ReportRead, interaction.ReportDelayed} {
		d := newDesk(t)
		d.ExecuteWorkflow(Report, interaction.Start{Interaction: mailID, Channel: interaction.Email, Kit: interaction.KitVersion, Number: 1, Message: 1, Code: string(what)})
		require.NoError(t, d.GetWorkflowError())
		require.Empty(t, d.asked)
		require.Equal(t, string(what), d.ends[0].Reason)
	}
	for _, what := range []interaction.ReportKind{interaction.ReportBounced, interaction.ReportComplaint} {
		d := newDesk(t)
		d.onAsk = func(task interaction.ID, a interaction.Ask) {
			require.Equal(t, interaction.ToLastAgent, a.Chain[0].Kind)
			d.tell(0, interaction.News{Kind: interaction.NewsDone, Task: task, Agent: ann, Code: "telephoned"})
		}
		d.ExecuteWorkflow(Report, interaction.Start{Interaction: mailID, Channel: interaction.Email, Kit: interaction.KitVersion, Number: 1, Message: 1, Code: string(what)})
		require.NoError(t, d.GetWorkflowError())
		require.Len(t, d.asked, 1)
		require.Equal(t, "telephoned", d.ends[0].Reason)
	}
}

// TestReportOfWhatBouncedForNow: it is sent again where the policy has a try left, and nobody is disturbed; otherwise, or where that came to nothing, people are told.
func TestReportOfWhatBouncedForNow(t *testing.T) {
	for name, c := range map[string]struct {
		again   interaction.Again
		message int64
		state   interaction.SendState
		reason  string
		waited  time.Duration
	}{
		"sent again":        {interaction.Again{Send: true, Wait: 4 * time.Hour}, 2, interaction.SendSent, "sent_again", 4 * time.Hour},
		"no policy":         {interaction.Again{}, 0, "", "telephoned", 0},
		"not any more":      {interaction.Again{Send: true, Wait: time.Hour}, 0, "", "telephoned", time.Hour},
		"refused this time": {interaction.Again{Send: true, Wait: time.Hour}, 2, interaction.SendNotSent, "telephoned", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.OnActivity((*delivery.Activities)(nil).MaySendAgain, mock.Anything, mock.Anything).Return(c.again, nil)
			d.OnActivity((*delivery.Activities)(nil).SendAgain, mock.Anything, mock.Anything).Return(c.message, nil).Maybe()
			d.onSend = func(int64) delivery.Sent { return delivery.Sent{State: c.state} }
			d.onAsk = func(task interaction.ID, _ interaction.Ask) {
				d.tell(0, interaction.News{Kind: interaction.NewsDone, Task: task, Agent: ann, Code: "telephoned"})
			}
			begun := d.Now()
			d.ExecuteWorkflow(Report, interaction.Start{
				Interaction: mailID, Channel: interaction.Email, Kit: interaction.KitVersion, Number: 1, Message: 1, Code: string(interaction.ReportGivenUp),
			})
			require.NoError(t, d.GetWorkflowError())
			require.Equal(t, c.reason, d.ends[0].Reason)
			require.Equal(t, c.reason == "telephoned", len(d.asked) == 1)
			require.GreaterOrEqual(t, d.Now().Sub(begun), c.waited)
		})
	}
}

// TestReportsThatNobodyNeedsWakeNobody: a receipt for a message of an interaction that waits for people changes nothing of its story.
func TestReportsThatNobodyNeedsWakeNobody(t *testing.T) {
	d := newDesk(t)
	d.onAsk = func(task interaction.ID, _ interaction.Ask) {
		d.tell(0, interaction.News{Kind: interaction.NewsReport, Message: 2, Code: "read"})
		d.tell(0, interaction.News{Kind: interaction.NewsReply, Task: task, Message: 3, Agent: ann})
	}
	require.Equal(t, "answered", d.run())
	require.Len(t, d.asked, 1)
}
