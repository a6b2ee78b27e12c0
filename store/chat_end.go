package store

import (
	"context"

	"parley/interaction"
)

// Codes of who or what ended a session.
const (
	endedByAgent    = "agent"
	endedByWorkflow = "workflow"
	endedInactive   = "inactive"
)

// EndChat ends the session for everybody; ending it again changes nothing. An agent or supervisor must take part fully.
func (s *Store) EndChat(ctx context.Context, session interaction.ID, who interaction.Party, code string) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.lockStory(ctx, session); err != nil {
			return err
		}
		log, c, err := t.lockChat(ctx, session)
		if err != nil {
			return err
		}
		if who, err = t.mayEnd(ctx, c, who); err != nil {
			return err
		}
		return t.endChat(ctx, log, c, who, code, true)
	})
}

func (t *tx) mayEnd(ctx context.Context, c *chatRow, who interaction.Party) (interaction.Party, error) {
	switch who.Role {
	case interaction.ChatSystem:
		return who, nil
	case interaction.ChatCustomer:
		who.Name = c.Nickname
		return who, nil
	}
	var mode interaction.ChatMode
	err := t.QueryRow(ctx, `select role, name, mode from chat_participants where session_id = $1 and agent_id = $2 and left_at is null`, c.ID, who.Agent).
		Scan(&who.Role, &who.Name, &mode)
	if noRows(err) {
		return who, interaction.Unknown("chat")
	}
	if err == nil && mode != interaction.ChatFull {
		return who, interaction.Forbidden("forbidden", "you take part as %s; only who speaks to the customer ends the conversation", mode)
	}
	return who, err
}

// endChat ends a locked session whose interaction's row is locked too; news says whether the workflow is to hear of it.
func (t *tx) endChat(ctx context.Context, log *chatLog, c *chatRow, who interaction.Party, code string, news bool) error {
	if c.EndedAt != nil {
		return nil
	}
	log.add(c, interaction.ChatMessage{From: who, Kind: interaction.ChatEnded, Text: code})
	c.EndedAt, c.EndedBy, c.DueAt, c.Asking, c.Sleeping = &log.at, code, nil, nil, false
	if err := log.keep(ctx, t); err != nil {
		return err
	}
	if news {
		if err := t.addNews(ctx, c.ID, interaction.News{Kind: interaction.NewsEnded, Agent: who.Agent, Code: code}, ""); err != nil {
			return err
		}
	}
	return t.audit(ctx, event{
		Code: "chat.ended", Actor: interaction.Actor{Agent: who.Agent}, Interaction: c.ID, Data: map[string]any{"by": code, "messages": c.Last},
	})
}

// endLiving ends the session of an interaction if it has one that lives.
func (t *tx) endLiving(ctx context.Context, session interaction.ID, who interaction.Party, code string, news bool) error {
	log, c, err := t.lockChat(ctx, session)
	if err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			return nil
		}
		return err
	}
	if who.Agent != "" {
		if err := t.QueryRow(ctx, `select name from agents where id = $1`, who.Agent).Scan(&who.Name); err != nil {
			return err
		}
	}
	return t.endChat(ctx, log, c, who, code, news)
}
