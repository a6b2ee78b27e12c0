package store

import (
	"context"
	"net/mail"
	"slices"
	"strings"

	"parley/interaction"
)

// chatAnswer is what a customer said to a question of the workflow.
type chatAnswer struct {
	session          interaction.ID
	key, kind, value string
	number           int64
}

// answer takes the message as the answer to the open question if it can be one; otherwise the question is asked again.
func (p *poster) answer(c *chatRow, m interaction.ChatMessage) {
	value, ok := c.Asking.read(m.Text)
	if !ok {
		p.log.add(c, interaction.ChatMessage{
			From: interaction.Party{Role: interaction.ChatSystem}, Kind: interaction.ChatQuestion, Text: c.Asking.Text, Choices: c.Asking.Choices,
		})
		return
	}
	p.answers = append(p.answers, chatAnswer{c.ID, c.Asking.Key, c.Asking.Kind, value, m.Number})
	c.Asking = nil
}

// read gives the value of an answer in the form that it is compared in.
func (a *asking) read(text string) (string, bool) {
	text = strings.TrimSpace(text)
	switch a.Kind {
	case "email":
		address, err := mail.ParseAddress(text)
		if err != nil || len(address.Address) > 254 {
			return "", false
		}
		return lower(address.Address), true
	case "phone":
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r == '+' {
				return r
			}
			return -1
		}, text)
		return digits, len(digits) >= 6 && len(digits) <= 16 && strings.LastIndex(digits, "+") <= 0
	}
	if len(a.Choices) == 0 {
		return clip(text, 1000), text != ""
	}
	i := slices.IndexFunc(a.Choices, func(c string) bool { return strings.EqualFold(c, text) })
	if i < 0 {
		return "", false
	}
	return a.Choices[i], true
}

// keepAnswer attaches the answer to the interaction, whose row is locked; one that identifies is a claim, too. The workflow hears of it.
func (t *tx) keepAnswer(ctx context.Context, a chatAnswer) error {
	if _, err := t.Exec(ctx, `update interactions set data = data || jsonb_build_object($2::text, $3::text) where id = $1`, a.session, a.key, a.value); err != nil {
		return err
	}
	if a.kind == "email" || a.kind == "phone" {
		if err := t.claims(ctx, a.session, []interaction.Attribute{{Kind: a.kind, Value: a.value}}); err != nil {
			return err
		}
	}
	if err := t.addNews(ctx, a.session, interaction.News{Kind: interaction.NewsAnswered, Code: a.key}, ""); err != nil {
		return err
	}
	return t.audit(ctx, event{
		Code: "chat.answered", Interaction: a.session, Data: map[string]any{"key": a.key, "message": a.number}, After: map[string]string{a.key: a.value},
	})
}
