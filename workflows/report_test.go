package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

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
