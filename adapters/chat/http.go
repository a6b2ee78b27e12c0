package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
	"parley/lib/files"
)

// entry is the entry point that a request came to.
type entry struct {
	name     string
	settings interaction.ChatSettings
}

type entryKey struct{}

func entryOf(r *http.Request) entry {
	e, _ := r.Context().Value(entryKey{}).(entry)
	return e
}

// routes are the requests of customers, below their entry point.
func (a *Adapter) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sessions", a.openSession)
	mux.HandleFunc("GET /socket", a.customerSocket)
	mux.HandleFunc("GET /sessions/{session}/frames", a.pollFrames)
	mux.HandleFunc("POST /sessions/{session}/frames", a.takeFrames)
	mux.HandleFunc("POST /sessions/{session}/files", a.takeFile)
	mux.HandleFunc("GET /sessions/{session}/files/{upload}", a.giveFile)
	mux.HandleFunc("GET /sessions/{session}/survey", a.giveSurvey)
	mux.HandleFunc("POST /sessions/{session}/survey", a.takeSurvey)
	return mux
}

// Handler serves one entry point; paths are relative to it.
func (a *Adapter) Handler(entryPoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), postTime)
		settings, err := a.policies(ctx, entryPoint)
		cancel()
		if err != nil {
			a.problem(w, err)
			return
		}
		_, pattern := a.web.Handler(r)
		if pattern == "" && r.Method != http.MethodOptions {
			a.problem(w, interaction.Unknown("path"))
			return
		}
		if !a.allowed(w, r, settings, pattern) {
			return
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		a.web.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), entryKey{}, entry{entryPoint, settings})))
	})
}

// allowed holds the page that asks against the entry point's list, before anything else is done, and lets it read the answer. Browsers leave
// the origin out of a page's own reading requests; those have their token.
func (a *Adapter) allowed(w http.ResponseWriter, r *http.Request, settings interaction.ChatSettings, pattern string) bool {
	origin := r.Header.Get("Origin")
	reading := origin == "" && r.Method == http.MethodGet && pattern != "GET /socket"
	listed := slices.Contains(settings.Origins, origin)
	if !reading && !listed && !sameHost(origin, r) {
		a.problem(w, interaction.Forbidden("bad_origin", "this page may not open conversations here; its origin is not among those of the entry point"))
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	if listed {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		h.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// openSession opens a session.
func (a *Adapter) openSession(w http.ResponseWriter, r *http.Request) {
	from := a.opts.Address(r)
	if wait, ok := a.opens.Take(from, time.Now()); !ok {
		a.problem(w, &interaction.Error{
			Kind: interaction.KindTooMany, Code: "too_many_sessions", Text: "too many conversations were opened from your address; wait a moment", RetryAfter: int(wait.Seconds()) + 1,
		})
		return
	}
	var in opening
	if err := readJSON(w, r, &in); err != nil {
		a.problem(w, err)
		return
	}
	wish, err := in.check()
	if err == nil {
		err = a.prove(&wish, in.Identities, entryOf(r).settings)
	}
	if err != nil {
		a.problem(w, err)
		return
	}
	wish.EntryPoint, wish.Peer = entryOf(r).name, from.String()
	ctx, cancel := context.WithTimeout(r.Context(), postTime)
	defer cancel()
	ticket, err := a.store.OpenChat(ctx, wish)
	if err != nil {
		a.problem(w, err)
		return
	}
	answer(w, http.StatusCreated, map[string]any{"session": ticket.Session, "token": ticket.Token, "last": ticket.Last})
}

// asCustomer proves the secret of a request and gives its part in the session; leave is to be called at the end.
func (a *Adapter) asCustomer(w http.ResponseWriter, r *http.Request, to sink) (m *member, c interaction.ChatSession, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	err := error(interaction.Unknown("chat"))
	switch {
	case a.isStopping():
		err = interaction.Unavailable("restarting", nil)
	case a.guesses.Spent(a.opts.Address(r), time.Now()):
		err = &interaction.Error{Kind: interaction.KindTooMany, Code: "too_many_tries", Text: "too many wrong tokens came from your address; wait a moment", RetryAfter: 10}
	case strings.EqualFold(scheme, "Bearer"):
		m, c, err = a.customer(r.Context(), entryOf(r), r.PathValue("session"), strings.TrimSpace(token), to)
		a.guessed(r, err)
	}
	if err != nil {
		a.problem(w, err)
	}
	return m, c, err == nil
}

// longestPoll is how long a reading request waits for something new.
const longestPoll = 25 * time.Second

// pollFrames gives what a socket would have sent behind a number, and waits for it if there is nothing yet.
func (a *Adapter) pollFrames(w http.ResponseWriter, r *http.Request) {
	since, err := parseSince(r.URL.Query().Get("since"))
	if err != nil {
		a.problem(w, err)
		return
	}
	box := newMailbox()
	m, c, ok := a.asCustomer(w, r, box)
	if !ok {
		return
	}
	defer a.hub.leave(m.room)
	m.ear.turned = func() { box.send(encode(byeFrame{Type: "bye", Code: "ended"})) }
	m.room.arrives()
	defer m.room.departs()
	defer m.room.unlisten(m.ear)
	if since < 0 {
		m.welcome(c, entryOf(r).settings, frame{}, box.send)
	} else {
		m.room.greet(m.ear, since, func(int64, bool) {})
	}
	timer := time.NewTimer(longestPoll)
	defer timer.Stop()
	select {
	case <-box.full:
		box.settle(r.Context())
	case <-timer.C:
	case <-r.Context().Done():
	case <-a.base.Done():
		box.send(encode(byeFrame{Type: "bye", Code: "restarting"}))
	}
	answer(w, http.StatusOK, map[string]any{"frames": box.take()})
}

// maxFrames is how many frames one request may bring.
const maxFrames = 50

// takeFrames does what the frames of a request ask, in their order, and gives the answers of those that have one.
func (a *Adapter) takeFrames(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Frames []json.RawMessage `json:"frames"`
	}
	if err := readJSON(w, r, &in); err != nil {
		a.problem(w, err)
		return
	}
	if len(in.Frames) == 0 || len(in.Frames) > maxFrames {
		a.problem(w, interaction.Invalid("bad_frame", "frames", "holds 1 to %d frames", maxFrames))
		return
	}
	box := newMailbox()
	m, _, ok := a.asCustomer(w, r, box)
	if !ok {
		return
	}
	defer a.hub.leave(m.room)
	replies := make(chan []byte, len(in.Frames))
	waiting := 0
	for _, raw := range in.Frames {
		f, err := parse(raw)
		if err != nil {
			replies <- encode(refusal(err, "", ""))
			waiting++
			continue
		}
		if m.handle(r.Context(), f, func(b []byte) { replies <- b }) {
			waiting++
		}
	}
	frames := make([]json.RawMessage, 0, waiting)
	for range waiting {
		select {
		case b := <-replies:
			frames = append(frames, b)
		case <-r.Context().Done():
			return
		}
	}
	answer(w, http.StatusOK, map[string]any{"frames": frames})
}

// takeFile keeps a file of the conversation; a file frame then makes it a part of it.
func (a *Adapter) takeFile(w http.ResponseWriter, r *http.Request) {
	m, _, ok := a.asCustomer(w, r, newMailbox())
	if !ok {
		return
	}
	defer a.hub.leave(m.room)
	most := entryOf(r).settings.MaxFileBytes
	tooLarge := interaction.Invalid("file_too_large", "file", "has up to %d bytes here", most).With("limit", most)
	if r.ContentLength > most {
		a.problem(w, tooLarge)
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var over *http.MaxBytesError
	sum := sha256.Sum256(data)
	claimed := r.URL.Query().Get("sha256")
	switch {
	case errors.As(err, &over):
		a.problem(w, tooLarge)
		return
	case err != nil:
		a.problem(w, interaction.Invalid("bad_file", "file", "did not arrive whole"))
		return
	case claimed != "" && !strings.EqualFold(claimed, hex.EncodeToString(sum[:])):
		a.problem(w, interaction.Invalid("bad_file", "sha256", "is not the hash of what arrived"))
		return
	}
	name := files.Name(r.URL.Query().Get("name"))
	f, err := a.store.SaveChatFile(r.Context(), m.room.id, m.party, name, files.Type(name, data), data)
	if err != nil {
		a.problem(w, err)
		return
	}
	answer(w, http.StatusCreated, map[string]any{"upload": f.Upload, "name": f.Name, "type": f.Type, "size": f.Size})
}

// giveFile gives a file of the conversation: always as a file, without rights if a browser opens it anyway.
func (a *Adapter) giveFile(w http.ResponseWriter, r *http.Request) {
	m, _, ok := a.asCustomer(w, r, newMailbox())
	if !ok {
		return
	}
	defer a.hub.leave(m.room)
	upload, err := interaction.ParseID("upload", r.PathValue("upload"))
	if err != nil {
		a.problem(w, interaction.Unknown("attachment"))
		return
	}
	f, data, err := a.store.ChatFile(r.Context(), m.room.id, upload)
	if err != nil {
		a.problem(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

// opening is what a customer brings.
type opening struct {
	Key        string            `json:"key"`
	Nickname   string            `json:"nickname"`
	Subject    string            `json:"subject"`
	Language   string            `json:"language"`
	Page       string            `json:"page"`
	Identities []identity        `json:"identities"`
	Data       map[string]string `json:"data"`
}

// identity is what a customer says identifies him, with the proof of the page that knows it.
type identity struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
	Proof string `json:"proof"` // HMAC-SHA256 in hex; empty: he only says so
}

// Bounds of what a customer brings.
const (
	maxIdentities = 5
	maxData       = 20
)

func (o opening) check() (interaction.NewChat, error) {
	wish := interaction.NewChat{
		Key: o.Key, Nickname: strings.TrimSpace(o.Nickname), Subject: o.Subject, Language: o.Language, Page: o.Page, Data: o.Data,
	}
	for _, f := range []struct {
		field, value string
		most         int
	}{{"key", o.Key, 200}, {"nickname", o.Nickname, 200}, {"subject", o.Subject, 500}, {"language", o.Language, 35}, {"page", o.Page, 2000}} {
		if len(f.value) > f.most || strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return wish, interaction.Invalid("bad_value", f.field, "is one line of up to %d bytes", f.most)
		}
	}
	if u, err := url.Parse(o.Page); o.Page != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https") {
		return wish, interaction.Invalid("bad_value", "page", "is a URL of http or https")
	}
	if len(o.Identities) > maxIdentities || len(o.Data) > maxData {
		return wish, interaction.Invalid("bad_value", "data", "has up to %d entries, and identities up to %d", maxData, maxIdentities)
	}
	for _, id := range o.Identities {
		said, err := id.check()
		if err != nil {
			return wish, err
		}
		wish.Claims = append(wish.Claims, said)
	}
	for key, value := range o.Data {
		if key == "" || len(key) > 60 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || len(value) > 1000 || strings.ContainsRune(value, 0) {
			return wish, interaction.Invalid("bad_value", "data", "has keys of a-z, 0-9 and _, and values of up to 1000 bytes")
		}
	}
	return wish, nil
}
