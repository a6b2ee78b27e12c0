package chat

import (
	"net/http"

	"parley/interaction"
)

// giveSurvey tells what the customer is asked when the conversation is over; null: nothing, or not yet.
func (a *Adapter) giveSurvey(w http.ResponseWriter, r *http.Request) {
	m, _, ok := a.asCustomer(w, r, newMailbox())
	if !ok {
		return
	}
	defer a.hub.leave(m.room)
	sheet, err := a.store.ChatSurvey(r.Context(), m.room.id)
	switch {
	case err == nil:
		answer(w, http.StatusOK, map[string]any{"survey": sheet})
	case interaction.KindOf(err) == interaction.KindUnknown:
		answer(w, http.StatusOK, map[string]any{"survey": nil})
	default:
		a.problem(w, err)
	}
}

// takeSurvey keeps the customer's answers, once, or that he wants to be asked nothing again, or both.
func (a *Adapter) takeSurvey(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Answers map[string]string `json:"answers"`
		Never   bool              `json:"never"`
	}
	if err := readJSON(w, r, &in); err != nil {
		a.problem(w, err)
		return
	}
	m, _, ok := a.asCustomer(w, r, newMailbox())
	if !ok {
		return
	}
	defer a.hub.leave(m.room)
	if in.Never {
		if err := a.store.RefuseSurveys(r.Context(), m.room.id); err != nil {
			a.problem(w, err)
			return
		}
	}
	if len(in.Answers) > 0 || !in.Never {
		if err := a.store.AnswerSurvey(r.Context(), m.room.id, in.Answers); err != nil {
			a.problem(w, err)
			return
		}
	}
	answer(w, http.StatusOK, map[string]any{"answered": len(in.Answers) > 0, "never": in.Never})
}
