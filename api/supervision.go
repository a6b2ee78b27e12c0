package api

import (
	"github.com/danielgtaylor/huma/v2"

	"parley/interaction"
)

// addSupervision adds what supervisors steer by. Selections are their author's; teams and the audit are seen as far as one's groups go.
func (s *server) addSupervision() {
	const (
		agent      = interaction.RoleAgent
		supervisor = interaction.RoleSupervisor
		admin      = interaction.RoleAdmin
	)
	on(s, route{method: get, path: "/v1/selections", summary: "List one's orders on many interactions", role: supervisor}, s.listSelections)
	on(s, route{method: post, path: "/v1/selections", summary: "Give an order on many interactions: a dry run begins", role: supervisor, status: 201, limit: 1 << 20}, s.createSelection)
	on(s, route{method: get, path: "/v1/selections/{id}", summary: "See how far it has come", role: supervisor}, onSelection(s.Selection))
	on(s, route{method: get, path: "/v1/selections/{id}/items", summary: "See what would change, has changed, or was refused", role: supervisor}, s.selectionItems)
	on(s, route{method: post, path: "/v1/selections/{id}/run", summary: "Have it carried out", role: supervisor}, onSelection(s.RunSelection))
	on(s, route{method: post, path: "/v1/selections/{id}/cancel", summary: "Stop it where it is", role: supervisor}, onSelection(s.CancelSelection))
	on(s, route{method: post, path: "/v1/selections/{id}/undo", summary: "Make a selection of the opposite orders", role: supervisor, status: 201}, onSelection(s.UndoSelection))

	on(s, route{method: get, path: "/v1/team", summary: "See the people of one's groups and what they hold", role: supervisor}, s.listTeam)
	on(s, route{method: post, path: "/v1/agents/{id}/take-back", summary: "Take work back from an agent", role: agent}, s.takeBack)

	on(s, route{method: get, path: "/v1/audit", summary: "Read the audit with what was before and after", role: supervisor}, s.listAudit)
	on(s, route{method: get, path: "/v1/audit/verification", summary: "Check the audit's chain", role: admin, untimed: true}, s.verifyAudit)
}

// addStatistics adds real-time figures and reports, of the queues of one's groups.
func (s *server) addStatistics() {
	const supervisor = interaction.RoleSupervisor
	on(s, route{method: get, path: "/v1/statistics/live", summary: "How queues and people stand now", role: interaction.RoleAgent}, s.liveFigures)
	s.plain(route{method: get, path: "/v1/statistics/live/stream", summary: "The same, whenever it changes", role: interaction.RoleAgent, raw: true, untimed: true}, s.streamFigures, figuresStream)
	on(s, route{method: get, path: "/v1/statistics/report", summary: "Figures of a time, by interval and what they are split by", role: supervisor}, s.report)
	on(s, route{method: get, path: "/v1/statistics/report.csv", summary: "The same for a spreadsheet", role: supervisor}, s.reportSheet)
	s.plain(route{method: get, path: "/metrics", summary: "Real-time figures for Prometheus", role: interaction.RoleDesigner, raw: true}, s.metrics, plainText)
}

func figuresStream(op *huma.Operation) {
	answer(op, "200", "server-sent events; each has LiveFigures in JSON as data", "text/event-stream", text())
}

func plainText(op *huma.Operation) {
	answer(op, "200", "the text format of Prometheus", "text/plain", text())
}
