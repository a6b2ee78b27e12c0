package conversation

import (
	"time"

	"parley/interaction"
)

// figures measures a session. What agents say to each other does not count.
func figures(v interaction.ChatView) interaction.ChatFigures {
	f := interaction.ChatFigures{Waited: -1, FirstResponse: -1, AverageResponse: -1}
	if !v.Session.EndedAt.IsZero() {
		f.Seconds = seconds(v.Session.OpenedAt, v.Session.EndedAt)
	}
	queued := v.QueuedAt
	if queued.IsZero() {
		queued = v.Session.OpenedAt
	}
	came := map[interaction.ID]bool{}
	var open time.Time // since when something of the customer waits for an answer
	var answers, waited int
	for _, m := range v.Messages {
		agent := m.From.Role == interaction.ChatAgent && !m.Internal
		switch {
		case agent && m.Kind == interaction.ChatJoined:
			if len(came) == 0 {
				f.Waited = seconds(queued, m.At)
			}
			came[m.From.Agent] = true
		case agent && spoken(m.Kind):
			f.FromAgents++
			if f.FirstResponse < 0 {
				f.FirstResponse = seconds(queued, m.At)
			}
			if !open.IsZero() {
				answers, waited = answers+1, waited+seconds(open, m.At)
				open = time.Time{}
			}
		case m.From.Role == interaction.ChatCustomer && spoken(m.Kind):
			f.FromCustomer++
			if open.IsZero() && len(came) > 0 {
				open = m.At
			}
		}
	}
	if f.Agents = len(came); answers > 0 {
		f.AverageResponse = waited / answers
	}
	return f
}

func spoken(k interaction.ChatKind) bool {
	return k == interaction.ChatText || k == interaction.ChatURL || k == interaction.ChatFile
}

func seconds(from, to time.Time) int { return max(0, int(to.Sub(from).Round(time.Second)/time.Second)) }
