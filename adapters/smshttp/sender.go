package smshttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/phone"
	"parley/lib/safehttp"
)

// Send asks the provider to send. It cuts long texts by itself. A request that was perhaps taken is unknown, never repeated blindly.
func (a *Adapter) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) (outcome interaction.Outcome) {
	if err := context.Cause(ctx); err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Code: "ended", Text: err.Error()}
	}
	m, err := a.submission(out)
	if err != nil {
		return interaction.Outcome{State: interaction.SendNotSent, Code: "cannot_be_sent", Text: err.Error(), Permanent: errors.Is(err, phone.ErrNumber)}
	}
	r, name, err := a.Provider.Submit(ctx, m)
	if err != nil {
		return interaction.Outcome{State: interaction.SendNotSent, Code: "cannot_be_sent", Text: err.Error()}
	}
	begun := false
	defer func() {
		if cause := recover(); cause != nil {
			a.Log.Error("send panicked", "cause", fmt.Sprint(cause))
			outcome = interaction.Outcome{State: interaction.SendUnknown, Code: "panicked"}
			if !begun {
				outcome = interaction.Outcome{State: interaction.SendQueued, Aborted: true, Code: "panicked"}
			}
		}
	}()
	if err := commit(ctx); err != nil {
		return interaction.Outcome{State: interaction.SendQueued, Aborted: true, Text: err.Error()}
	}
	begun = true
	answer, err := a.Client.Do(r)
	if err != nil {
		return lost(err)
	}
	outcome = a.Provider.Judge(answer)
	if outcome.State == interaction.SendSent && len(outcome.Names) == 0 && name != "" {
		outcome.Names = []interaction.CarrierName{{ID: name}}
	}
	return outcome
}

// lost tells a request that never left from one that nobody knows of.
func lost(err error) interaction.Outcome {
	var dial *net.OpError
	if errors.Is(err, safehttp.ErrForbidden) || errors.As(err, &dial) && dial.Op == "dial" {
		return interaction.Outcome{State: interaction.SendQueued, Code: "provider_away", Text: err.Error()}
	}
	return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: err.Error()}
}

func (a *Adapter) submission(out interaction.Outbound) (Submission, error) {
	m := Submission{Key: out.Key, From: out.From.Address, Text: strings.TrimRight(out.Text, "\r\n ")}
	switch {
	case len(out.To) != 1:
		return m, fmt.Errorf("a short message goes to one number, not to %d", len(out.To))
	case len(out.Attachments) > 0:
		return m, errors.New("a short message holds no files")
	case m.Text == "":
		return m, errors.New("the text is empty")
	case utf8.RuneCountInString(m.Text) > a.MaxText:
		return m, fmt.Errorf("the text has %d characters, at most %d may go", utf8.RuneCountInString(m.Text), a.MaxText)
	}
	n, err := phone.Parse(out.To[0].Address, a.Region)
	m.To = n.E164
	return m, err
}
