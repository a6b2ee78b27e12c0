package meta

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"parley/interaction"
)

// Limits of what is called in. Meta's own is 3 MB and 1,000 events a call.
const (
	maxCall      = 4 << 20
	maxChallenge = 1000
	acceptWithin = 4 * time.Second
	fetchWithin  = 8 * time.Second // for all files of a call together
)

// Handler takes Meta's calls.
func (a *Adapter) Handler(entryPoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if cause := recover(); cause != nil {
				a.Log.Error("call panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
				later(w)
			}
		}()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch r.Method {
		case http.MethodGet:
			a.shake(w, r)
		case http.MethodPost:
			a.called(w, r, entryPoint)
		default:
			w.Header().Set("Allow", "GET, POST")
			say(w, http.StatusMethodNotAllowed, "GET or POST")
		}
	})
}

func say(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func later(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "30")
	say(w, http.StatusServiceUnavailable, "try again later")
}

// shake answers the handshake by which Meta makes sure that the webhook is ours.
func (a *Adapter) shake(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	challenge := q.Get("hub.challenge")
	ours := subtle.ConstantTimeCompare([]byte(q.Get("hub.verify_token")), []byte(a.secrets.Verify)) == 1
	if !ours || q.Get("hub.mode") != "subscribe" || challenge == "" || len(challenge) > maxChallenge {
		say(w, http.StatusForbidden, "the verify token is wrong, or there is no challenge")
		return
	}
	say(w, http.StatusOK, challenge)
}

// signed reports whether a call carries the app's signature of its raw body, in constant time.
func (a *Adapter) signed(header string, body []byte) bool {
	given, ok := strings.CutPrefix(header, "sha256=")
	sum, err := hex.DecodeString(given)
	if !ok || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(a.secrets.App))
	mac.Write(body)
	return hmac.Equal(sum, mac.Sum(nil))
}

func (a *Adapter) called(w http.ResponseWriter, r *http.Request, entryPoint string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCall))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		say(w, http.StatusRequestEntityTooLarge, "the call is too large")
		return
	case err != nil:
		say(w, http.StatusBadRequest, "the call broke off")
		return
	case !a.signed(r.Header.Get("X-Hub-Signature-256"), body):
		a.Log.Warn("a call that is not Meta's was refused", "entry_point", entryPoint)
		say(w, http.StatusUnauthorized, "the signature is wrong")
		return
	}
	events, err := a.read(body)
	if err != nil {
		say(w, http.StatusBadRequest, err.Error())
		return
	}
	a.answer(w, a.take(r, events))
}

// taken counts what became of a call's events.
type taken struct {
	kept, refused int
	away          error // the first event that could not be kept now; those behind it were not tried
}

// answer says yes unless something is to come again: Meta repeats the whole call, and what was kept is a repeat then. What is refused for good does not bring the others back.
func (a *Adapter) answer(w http.ResponseWriter, t taken) {
	switch {
	case t.away != nil:
		a.Log.Warn("a call was put off", "kept", t.kept, "error", t.away)
		later(w)
	case t.kept == 0 && t.refused > 0:
		say(w, http.StatusUnprocessableEntity, "nothing of it is for an account that is known here")
	default:
		say(w, http.StatusOK, "ok")
	}
}

// take has each event kept, in order.
func (a *Adapter) take(r *http.Request, events []event) (t taken) {
	fetching, cancel := context.WithTimeout(r.Context(), fetchWithin)
	defer cancel()
	for _, e := range events {
		err := a.keep(r, fetching, e)
		switch kind := interaction.KindOf(err); {
		case err == nil:
			t.kept++
		case kind == interaction.KindInvalid || kind == interaction.KindUnknown:
			t.refused++
			a.Log.Error("an event was refused and is left behind", "account", e.account, "error", err)
		default:
			t.away = err
			return t
		}
	}
	return t
}

// keep commits one event: a post, or what Meta says of a message of ours.
func (a *Adapter) keep(r *http.Request, fetching context.Context, e event) error {
	ctx, cancel := context.WithTimeout(r.Context(), acceptWithin+fetchWithin)
	defer cancel()
	name, err := a.Entries.EntryPoint(ctx, interaction.Social, e.account)
	if err != nil {
		return err
	}
	if e.receipt != nil {
		e.receipt.EntryPoint = name
		_, err := a.Receipts.Receipt(ctx, *e.receipt)
		return err
	}
	e.post.To = e.account
	e.post.Fetch(fetching, a.fetch)
	in, err := e.post.Inbound(interaction.Target{EntryPoint: name, Address: e.account}, r.RemoteAddr)
	if err != nil {
		return err
	}
	accepting, stop := context.WithTimeout(r.Context(), acceptWithin)
	defer stop()
	receipt, err := a.Inbox.Accept(accepting, in)
	if err == nil {
		a.Log.Info("post accepted", "inbound", receipt.ID, "repeat", receipt.Repeat, "kind", e.post.Kind)
	}
	return err
}
