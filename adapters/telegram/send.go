package telegram

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"

	"parley/interaction"
	"parley/lib/safehttp"
	"parley/lib/sending"
	"parley/lib/social"
)

// maxCharacters is what a message may have, in units of UTF-16.
const maxCharacters = 4096

// Send has the bot say something. A request that was perhaps taken is unknown: the API cannot be asked, and knows no repeats.
func (b *Bot) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	calls, to, err := b.message(ctx, out)
	if err != nil {
		return sending.Impossible(err)
	}
	if wait := b.rest.Left(b.Clock()); wait > 0 {
		return interaction.Outcome{State: interaction.SendQueued, Code: "429", Text: "telegram wants to be left alone", Wait: wait}
	}
	var parts []func() interaction.Outcome
	for _, r := range calls {
		parts = append(parts, func() interaction.Outcome {
			answer, err := b.Client.Do(r)
			if err != nil {
				return lost(err)
			}
			return b.outcome(answer, out, to)
		})
	}
	return sending.Once(ctx, b.Log, commit, func() interaction.Outcome { return sending.InParts(parts...) })
}

// message makes the calls, or says why the message cannot be sent so. It is one, unless the text is too long to stand below files.
func (b *Bot) message(ctx context.Context, out interaction.Outbound) ([]*http.Request, address, error) {
	recipient, text, files, err := sending.Message(out, maxFiles, maxFile)
	if err != nil {
		return nil, address{}, err
	}
	n := len(utf16.Encode([]rune(text)))
	if n > b.Settings.Max {
		return nil, address{}, fmt.Errorf("the text has %d characters as Telegram counts them, at most %d may go", n, b.Settings.Max)
	}
	to, err := parseAddress(recipient)
	if err != nil {
		return nil, to, err
	}
	params := map[string]any{"chat_id": to.Chat}
	if to.Connection != "" {
		params["business_connection_id"] = to.Connection
	}
	if id := b.answered(out); id != 0 && out.Visibility.Open() { // in a group others have written in between
		params["reply_parameters"] = map[string]any{"message_id": id, "allow_sending_without_reply": true}
	}
	var calls []*http.Request
	if len(files) == 0 || n > maxCaption {
		said := maps.Clone(params)
		said["text"], said["link_preview_options"], text = text, map[string]bool{"is_disabled": true}, ""
		r, err := b.api.request(ctx, "sendMessage", said)
		if err != nil {
			return nil, to, err
		}
		calls = append(calls, r)
	}
	if len(files) > 0 {
		r, err := b.files(ctx, params, text, files)
		if err != nil {
			return nil, to, err
		}
		calls = append(calls, r)
	}
	return calls, to, nil
}

// answered is the number of the message that out answers, zero for none.
func (b *Bot) answered(out interaction.Outbound) int64 {
	_, number, _ := strings.Cut(social.IDOf(Kind, b.id, out.InReplyTo), "/")
	id, _ := strconv.ParseInt(number, 10, 64)
	return id
}

// lost tells a request that never left from one that nobody knows of.
func lost(err error) interaction.Outcome {
	if safehttp.NeverLeft(err) {
		return interaction.Outcome{State: interaction.SendQueued, Code: "telegram_away", Text: quiet(err).Error()}
	}
	return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: quiet(err).Error()}
}

// outcome reads the answer.
func (b *Bot) outcome(answer safehttp.Answer, out interaction.Outbound, to address) interaction.Outcome {
	var sent made
	err := b.api.judge(answer, &sent)
	var no *refusal
	switch {
	case err == nil && len(sent) > 0 && sent[0].ID != 0:
		name := social.Name(Kind, b.id, out.Visibility, messageID(to.Chat, sent[0].ID))
		return interaction.Outcome{State: interaction.SendSent, Code: "200", ID: name}
	case !errors.As(err, &no):
		return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: errGarbled.Error()}
	}
	o := interaction.Outcome{State: interaction.SendNotSent, Code: strconv.Itoa(no.Code), Text: no.Text}
	switch {
	case no.Code == http.StatusTooManyRequests:
		b.rest.Want(b.Clock(), no.Wait)
		o.State, o.Wait = interaction.SendQueued, no.Wait
	case no.Code == http.StatusUnauthorized || no.Code == http.StatusNotFound: // a wrong token is 401 or, of a wrong form, 404
		o.Code, o.Text = "reconnect", "the bot's token is not valid any more: give the link a new one, then send again"
	case no.Code == http.StatusForbidden: // the customer has blocked the bot, or is gone
		o.Permanent = true
	case no.Code >= 500:
		o.State = interaction.SendUnknown
	}
	return o
}
