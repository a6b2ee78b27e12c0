package mm7

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"parley/interaction"
	"parley/lib/mms"
	"parley/lib/safehttp"
	"parley/lib/sending"
)

// Send posts one SubmitReq. The transaction id is the message's own, so that every attempt is the same request to the centre.
func (a *Adapter) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	if a.opts.Settings.URL == "" {
		return interaction.Outcome{State: interaction.SendNotSent, Code: "no_url", Text: "this link has no url: nothing is sent over it"}
	}
	r, refused := a.request(ctx, out)
	if refused != nil {
		return *refused
	}
	return sending.Once(ctx, a.opts.Logger, commit, func() interaction.Outcome {
		answer, err := a.opts.Client.Do(r)
		return outcome(answer, err)
	})
}

// request makes the POST, or says why there is none.
func (a *Adapter) request(ctx context.Context, out interaction.Outbound) (*http.Request, *interaction.Outcome) {
	no := func(code, text string, permanent bool) (*http.Request, *interaction.Outcome) {
		return nil, &interaction.Outcome{State: interaction.SendNotSent, Code: code, Text: text, Permanent: permanent}
	}
	s := mms.Submit{
		Transaction: out.MessageID, VASP: a.opts.Settings.VASP, VAS: a.opts.Settings.VAS, From: out.From.Address, Subject: out.Subject, Text: out.Text,
		Version: a.opts.Settings.Version, Namespace: a.opts.Settings.Namespace, Reports: a.opts.Settings.Reports,
	}
	for _, to := range append(out.To[:len(out.To):len(out.To)], out.Cc...) {
		s.To = append(s.To, to.Address)
	}
	size := int64(len(out.Text))
	for _, f := range out.Attachments {
		size += int64(len(f.Data))
		s.Media = append(s.Media, mms.Medium{Name: f.Name, Type: f.Type, Data: f.Data})
	}
	if size > a.opts.Settings.MaxSubmit {
		return no("too_large", fmt.Sprintf("text and files have %d bytes; this centre takes %d", size, a.opts.Settings.MaxSubmit), false)
	}
	contentType, body, err := mms.SubmitRequest(s)
	if err != nil {
		return no("bad_message", err.Error(), true)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.opts.Settings.URL, bytes.NewReader(body))
	if err != nil {
		return no("bad_url", "the link's url cannot be called", false)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("SOAPAction", `""`)
	r.Header.Set("User-Agent", "Parley")
	if a.opts.Settings.User != "" {
		r.SetBasicAuth(a.opts.Settings.User, a.opts.Password)
	}
	return r, nil
}

// outcome reads what the centre said. What failed before a connection stood has not left; what came to nothing behind it is unknown.
func outcome(answer safehttp.Answer, err error) interaction.Outcome {
	if err != nil {
		if safehttp.NeverLeft(err) {
			return interaction.Outcome{State: interaction.SendQueued, Code: "away", Text: err.Error()}
		}
		return interaction.Outcome{State: interaction.SendUnknown, Text: err.Error()}
	}
	m := mms.Parse(answer.Body)
	code := m.Status.Code
	o := interaction.Outcome{Code: strconv.Itoa(code), Text: shorten(m.Status.Text + " " + m.Status.Detail), ID: m.MessageID}
	if code == 0 {
		o.Code = strconv.Itoa(answer.Status)
	}
	switch {
	case m.Kind == mms.SubmitRsp && code/1000 == 1:
		o.State = interaction.SendSent
	case code/1000 == 2:
		o.State, o.Permanent = interaction.SendNotSent, code == 2002 || code == mms.StatusNoSuchTo
	case code == mms.StatusAway || code == mms.StatusServiceError || code == mms.StatusService || code/1000 == 3:
		o.State = interaction.SendQueued
	case code/1000 == 4:
		o.State = interaction.SendNotSent
	case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden || answer.Status == http.StatusTooManyRequests ||
		answer.Status == http.StatusBadGateway || answer.Status == http.StatusServiceUnavailable:
		o.State = interaction.SendQueued // nobody has looked at the message
	case answer.Status/100 == 4:
		o.State = interaction.SendNotSent
	default: // 200 with something else in it, 500, 504: the message may be on its way
		o.State, o.Text = interaction.SendUnknown, fmt.Sprintf("HTTP %d without an answer of MM7", answer.Status)
	}
	return o
}

func shorten(s string) string { return s[:min(len(s), 500)] }
