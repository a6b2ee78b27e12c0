package smshttp

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"parley/interaction"
	"parley/lib/phone"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// Send asks the provider to send. It cuts long texts by itself. A request that was perhaps taken is unknown, never repeated blindly.
func (a *Adapter) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	m, err := a.submission(out)
	if err != nil {
		o := sending.Impossible(err)
		o.Permanent = errors.Is(err, phone.ErrNumber)
		return o
	}
	r, name, err := a.Provider.Submit(ctx, m)
	if err != nil {
		return sending.Impossible(err)
	}
	return sending.Once(ctx, a.Log, commit, func() interaction.Outcome {
		answer, err := a.Client.Do(r)
		if err != nil {
			return lost(err)
		}
		o := a.Provider.Judge(answer)
		if o.State == interaction.SendSent && len(o.Names) == 0 && name != "" {
			o.Names = []interaction.CarrierName{{ID: name}}
		}
		return o
	})
}

// lost tells a request that never left from one that nobody knows of.
func lost(err error) interaction.Outcome {
	if safehttp.NeverLeft(err) {
		return interaction.Outcome{State: interaction.SendQueued, Code: "provider_away", Text: err.Error()}
	}
	return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: err.Error()}
}

// submission says what the provider is asked to send, or why the message cannot be sent so.
func (a *Adapter) submission(out interaction.Outbound) (Submission, error) {
	to, text, err := sending.Words(out)
	if err != nil {
		return Submission{}, err
	}
	if n := utf8.RuneCountInString(text); n > a.MaxText {
		return Submission{}, fmt.Errorf("the text has %d characters, at most %d may go", n, a.MaxText)
	}
	number, err := phone.Parse(to, a.Region)
	return Submission{Key: out.Key, From: out.From.Address, To: number.E164, Text: text}, err
}
