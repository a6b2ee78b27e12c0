package mm7

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"parley/interaction"
	"parley/lib/mms"
)

// Start has nothing to begin: the house's HTTP server calls the handler.
func (a *Adapter) Start(context.Context) error { return nil }

// Stop has later posts answered with "try again". It may be called twice; the server waits for those that run.
func (a *Adapter) Stop(context.Context) error {
	select {
	case <-a.ended:
	default:
		close(a.ended)
	}
	return nil
}

// Handler takes posts for one entry point.
func (a *Adapter) Handler(entryPoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &posted{a: a, w: w, r: r, entryPoint: entryPoint}
		defer func() {
			if trouble := recover(); trouble != nil {
				a.opts.Logger.Error("post broke down", "adapter", "mm7", "trouble", trouble)
				p.fault(http.StatusServiceUnavailable, mms.StatusAway, "try again")
			}
		}()
		p.serve()
	})
}

// posted is one post and what is known of it.
type posted struct {
	a          *Adapter
	w          http.ResponseWriter
	r          *http.Request
	entryPoint string
	message    *mms.Message // nil until it was read
	answered   bool
}

func (p *posted) serve() {
	switch {
	case p.a.stopped():
		p.fault(http.StatusServiceUnavailable, mms.StatusAway, "try again")
		return
	case p.r.Method != http.MethodPost:
		p.w.Header().Set("Allow", http.MethodPost)
		p.fault(http.StatusMethodNotAllowed, mms.StatusUnsupported, "only POST is taken")
		return
	case !p.a.known(p.r):
		p.w.Header().Set("WWW-Authenticate", `Basic realm="mm7"`)
		p.a.opts.Logger.Warn("post refused", "adapter", "mm7", "entry_point", p.entryPoint, "why", "not identified", "peer", p.r.RemoteAddr)
		p.fault(http.StatusUnauthorized, mms.StatusWho, "name and password are needed")
		return
	}
	select {
	case p.a.busy <- struct{}{}:
		defer func() { <-p.a.busy }()
	default:
		p.fault(http.StatusServiceUnavailable, mms.StatusAway, "too many posts at once; try again")
		return
	}
	body, ok := p.read()
	if !ok {
		return
	}
	raw := withHeader(p.r, body)
	p.message = mms.Parse(raw)
	p.take(raw)
}

func (a *Adapter) stopped() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}

// read takes the body whole, or answers why not. Nothing of a post that broke off is kept.
func (p *posted) read() ([]byte, bool) {
	limit := p.a.opts.Settings.MaxBytes
	if p.r.ContentLength > limit {
		p.fault(http.StatusRequestEntityTooLarge, mms.StatusRefused, fmt.Sprintf("a post may have up to %d bytes", limit))
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(p.w, p.r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		p.fault(http.StatusRequestEntityTooLarge, mms.StatusRefused, fmt.Sprintf("a post may have up to %d bytes", limit))
	case err != nil:
		p.fault(http.StatusBadRequest, mms.StatusCorrupt, "the post broke off")
	case len(bytes.TrimSpace(body)) == 0:
		p.fault(http.StatusBadRequest, mms.StatusCorrupt, "the post is empty")
	default:
		return body, true
	}
	return nil, false
}

// withHeader puts the fields that the body cannot be read without in front of it: raw bytes are kept so, and read again from there.
func withHeader(r *http.Request, body []byte) []byte {
	var b bytes.Buffer
	b.WriteString("POST /mm7 HTTP/1.1\r\n")
	for _, name := range []string{"Content-Type", "SOAPAction", "MIME-Version"} {
		for _, value := range r.Header.Values(name) {
			b.WriteString(name + ": " + strings.NewReplacer("\r", " ", "\n", " ").Replace(value) + "\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// take hands a DeliverReq to the inbox and a report to who waits for it.
func (p *posted) take(raw []byte) {
	m := p.message
	switch {
	case slices.Contains(m.Problems, "last_boundary_missing"): // the length was wrong, or it broke off where nobody noticed
		p.fault(http.StatusBadRequest, mms.StatusCorrupt, "the last boundary is missing: the post is not whole")
	case m.Kind == mms.DeliverReq && !slices.Contains(m.Problems, mms.ProblemXML):
		p.deliver(raw)
	case m.Kind == mms.DeliveryReportReq || m.Kind == mms.ReadReplyReq:
		p.report()
	case m.Kind == mms.Unreadable || m.Kind == mms.Presentation || slices.Contains(m.Problems, mms.ProblemXML):
		p.fault(http.StatusBadRequest, mms.StatusCorrupt, "this is no MM7 request")
	default:
		p.fault(http.StatusBadRequest, mms.StatusUnsupported, "only DeliverReq, DeliveryReportReq and ReadReplyReq are taken")
	}
}

func (p *posted) deliver(raw []byte) {
	ctx, cancel := context.WithTimeout(p.r.Context(), p.a.opts.Timeout)
	defer cancel()
	targets, err := p.targets(ctx)
	if err != nil {
		p.refuse(err)
		return
	}
	receipt, err := p.a.opts.Inbox.Accept(ctx, interaction.Inbound{
		Channel: interaction.MMS, Targets: targets, Identity: interaction.Identity(p.message.Identity()),
		Facts: interaction.Facts{Peer: p.peer(), Sender: p.message.Sender.Value}, Raw: bytes.NewReader(raw), Size: int64(len(raw)),
	})
	if err != nil {
		p.refuse(err)
		return
	}
	p.a.opts.Logger.Info("mms accepted", "inbound", receipt.ID, "repeat", receipt.Repeat, "bytes", len(raw))
	p.answer(http.StatusOK, mms.Response(p.message, mms.StatusSuccess))
}

// targets are our entry points among the recipients; a centre that names none means the one whose address it posts to.
func (p *posted) targets(ctx context.Context) ([]interaction.Target, error) {
	var targets []interaction.Target
	var unknown error
	for _, to := range p.message.Recipients[:min(len(p.message.Recipients), 50)] {
		name, err := p.a.opts.Entries.EntryPoint(ctx, interaction.MMS, to.Value)
		switch {
		case err == nil:
			if !slices.ContainsFunc(targets, func(t interaction.Target) bool { return t.EntryPoint == name }) {
				targets = append(targets, interaction.Target{EntryPoint: name, Address: to.Value})
			}
		case interaction.KindOf(err) == interaction.KindUnknown:
			unknown = err
		default:
			return nil, err
		}
	}
	if len(p.message.Recipients) == 0 {
		return []interaction.Target{{EntryPoint: p.entryPoint}}, nil
	}
	if len(targets) == 0 {
		return nil, unknown
	}
	return targets, nil
}

// report tells what became of a message of ours. A report of one that nobody knows is answered with success all the same: the centre would repeat it for ever.
func (p *posted) report() {
	if p.a.opts.Receipts != nil && p.message.MessageID != "" {
		ctx, cancel := context.WithTimeout(p.r.Context(), p.a.opts.Timeout)
		defer cancel()
		known, err := p.a.opts.Receipts.Receipt(ctx, interaction.Receipted{
			EntryPoint: p.entryPoint, ID: p.message.MessageID, State: receiptOf(p.message.Status.State), Code: p.message.Status.State, At: p.message.Sent,
		})
		if err != nil {
			p.refuse(err)
			return
		}
		if !known {
			p.a.opts.Logger.Warn("report of an unknown message", "adapter", "mm7", "entry_point", p.entryPoint, "state", p.message.Status.State)
		}
	}
	p.answer(http.StatusOK, mms.Response(p.message, mms.StatusSuccess))
}

// receiptOf translates MMStatus (TS 23.140 clause 8.7.1.6).
func receiptOf(state string) interaction.ReceiptState {
	switch strings.ToLower(state) {
	case "retrieved", "forwarded":
		return interaction.ReceiptDelivered
	case "read":
		return interaction.ReceiptRead
	case "expired", "rejected", "unrecognised", "unrecognized", "unreachable", "deleted", "system-rejected":
		return interaction.ReceiptFailed
	}
	return interaction.ReceiptPending
}

// refuse translates the house's errors, once. What is unknown is temporary.
func (p *posted) refuse(err error) {
	p.a.opts.Logger.Warn("mms not accepted", "entry_point", p.entryPoint, "kind", interaction.KindOf(err), "error", err)
	switch interaction.KindOf(err) {
	case interaction.KindUnknown, interaction.KindGone:
		p.fault(http.StatusNotFound, mms.StatusNoSuchTo, "no recipient of it is here")
	case interaction.KindInvalid:
		p.fault(http.StatusBadRequest, mms.StatusCorrupt, "it cannot be taken")
	case interaction.KindForbidden:
		p.fault(http.StatusForbidden, mms.StatusRefused, "it is not taken from there")
	default:
		p.fault(http.StatusServiceUnavailable, mms.StatusAway, "try again")
	}
}

func (p *posted) fault(status, code int, detail string) {
	who := "Client"
	if status >= http.StatusInternalServerError {
		who = "Server"
		p.w.Header().Set("Retry-After", "10")
	}
	p.answer(status, mms.FaultResponse(p.message, who, code, detail))
}

func (p *posted) answer(status int, body []byte) {
	if p.answered {
		return
	}
	p.answered = true
	p.w.Header().Set("Content-Type", `text/xml; charset="utf-8"`)
	p.w.WriteHeader(status)
	_, _ = p.w.Write(body) // a centre that went away posts again
}

func (p *posted) peer() string {
	if p.a.opts.Address != nil {
		return p.a.opts.Address(p.r).String()
	}
	return p.r.RemoteAddr
}
