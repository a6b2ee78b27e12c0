package store

import (
	"context"

	"parley/interaction"
)

// bookTurn books the callback that the turn asks for, with the conversation as its parent. What is refused is known before anything was written, so that the turn goes
// on with it.
func (t *tx) bookTurn(ctx context.Context, s *Store, o openInteraction, turn *interaction.ChatTurn) error {
	if turn.Call == nil {
		return nil
	}
	r := turn.Call.Request
	r.Chat = o.ID
	booked, err := t.bookFromChat(ctx, s, r)
	switch interaction.KindOf(err) {
	case interaction.KindInvalid, interaction.KindConflict, interaction.KindUnknown:
	default:
		if err != nil {
			return err
		}
		if err := t.audit(ctx, event{Code: "chat.called_back", Interaction: o.ID, Data: map[string]any{"instead": booked.ID, "merged": booked.Merged}}); err != nil {
			return err
		}
	}
	turn.Say, turn.Told.Reason = turn.Call.Booked(booked, err)
	return nil
}

// bookFromChat books at the first time that the entry point allows: when somebody is free, or at once.
func (t *tx) bookFromChat(ctx context.Context, s *Store, r interaction.CallRequest) (interaction.Booked, error) {
	place, err := callbackPlace(ctx, t, s.hours, r.EntryPoint)
	if err != nil {
		return interaction.Booked{}, err
	}
	if _, err := s.person(&place, r); err != nil {
		return interaction.Booked{}, err
	}
	refused := error(interaction.Invalid("bad_mode", "mode", "this line is called at chosen times only"))
	for _, mode := range []interaction.CallbackMode{interaction.CallFree, interaction.CallNow} {
		r.Mode = mode
		if _, refused = place.Time(r.CallWhen); refused == nil {
			break
		}
	}
	if refused != nil {
		return interaction.Booked{}, refused
	}
	booked, err := t.bookCallback(ctx, s, interaction.System, r)
	if err != nil || booked.Merged {
		return booked, err
	}
	key, err := s.replyKey(ctx)
	if err != nil {
		return booked, err
	}
	booked.Token = linkToken(key, callbackLink, booked.ID)
	return booked, nil
}
