package mm7

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/adapters/adaptertest"
	"parley/interaction"
	"parley/lib/mms"
	"parley/lib/mms/mmstest"
	"parley/lib/safehttp"
)

// oneEntry knows every address as ours.
type oneEntry struct{}

func (oneEntry) EntryPoint(context.Context, interaction.Channel, string) (string, error) {
	return "mms", nil
}

func open(t *testing.T, change func(*Options)) (*Adapter, *httptest.Server) {
	t.Helper()
	o := Options{
		Settings: Settings{User: "mmsc", VASP: "v", VAS: "s"}, Password: "secret", Inbox: &adaptertest.Inbox{}, Entries: oneEntry{},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Client: safehttp.New(safehttp.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 5 * time.Second}),
	}
	if change != nil {
		change(&o)
	}
	a, err := New(o)
	require.NoError(t, err)
	s := httptest.NewServer(http.StripPrefix("/in/mms", a.Handler("mms")))
	t.Cleanup(s.Close)
	return a, s
}

// centre is a stand-in message centre: it posts, and reads what it is answered.
type centre struct {
	url, user, password string
}

func (c centre) post(contentType string, body []byte) (status int, answer *mms.Message) {
	r, err := http.NewRequest(http.MethodPost, c.url+"/in/mms/", bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Content-Type", contentType)
	r.SetBasicAuth(c.user, c.password)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, mms.Parse(read)
}

func text(address, content string) (contentType string, body []byte) {
	return `multipart/related; boundary="x"; type="text/xml"`, fmt.Appendf(nil, "--x\r\nContent-Type: text/xml\r\n\r\n<Envelope><Header><TransactionID>t</TransactionID></Header><Body>"+
		"<DeliverReq><LinkedID>id-of-%x</LinkedID><Sender><Number>+491701</Number></Sender><Recipients><To><RFC2822Address>%s</RFC2822Address></To></Recipients></DeliverReq>"+
		"</Body></Envelope>\r\n--x\r\nContent-Type: text/plain\r\n\r\n%s\r\n--x--\r\n", content, address, content)
}

func TestReceives(t *testing.T) {
	adaptertest.Receive(t, func(t *testing.T, inbox interaction.Inbox, entries interaction.EntryPoints) adaptertest.Way {
		a, s := open(t, func(o *Options) { o.Inbox, o.Entries = inbox, entries })
		return adaptertest.Way{Adapter: a, Deliver: func(address, content string) adaptertest.Answer {
			status, _ := centre{s.URL, "mmsc", "secret"}.post(text(address, content))
			switch {
			case status == 200:
				return adaptertest.Yes
			case status == 0:
				return adaptertest.Gone
			case status >= 500:
				return adaptertest.Later
			}
			return adaptertest.No
		}}
	})
}

// What the centre is told, in its own protocol (P-11, P-17, P-19, P-23, P-29).
func TestRefusals(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	_, s := open(t, func(o *Options) {
		o.Inbox, o.Entries, o.Settings.MaxBytes = inbox, adaptertest.EntryPoints(), 5000
	})
	good, body := text(adaptertest.KnownAddress, "x")
	for name, c := range map[string]struct {
		password, contentType string
		body                  []byte
		status, code          int
	}{
		"wrong password":        {"wrong", good, body, 401, mms.StatusWho},
		"over the limit":        {"secret", good, append(bytes.Repeat([]byte(" "), 5001), body...), 413, mms.StatusRefused},
		"nothing":               {"secret", good, nil, 400, mms.StatusCorrupt},
		"no MM7":                {"secret", "text/plain", []byte("hello"), 400, mms.StatusCorrupt},
		"XML that breaks off":   {"secret", "text/xml", []byte("<Envelope><Body><DeliverReq>"), 400, mms.StatusCorrupt},
		"a post that is cut":    {"secret", good, body[:len(body)-12], 400, mms.StatusCorrupt},
		"another request":       {"secret", "text/xml", []byte("<Envelope><Body><CancelReq/></Body></Envelope>"), 400, mms.StatusUnsupported},
		"a number of others":    {"secret", good, mustBody(text(adaptertest.UnknownAddress, "x")), 404, mms.StatusNoSuchTo},
		"the database is away":  {"secret", good, mustBody(text(adaptertest.BrokenAddress, "x")), 503, mms.StatusAway},
		"a presentation, alone": {"secret", "application/smil", []byte("<smil><body/></smil>"), 400, mms.StatusCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := centre{s.URL, "mmsc", c.password}.post(c.contentType, c.body)
			require.Equal(t, c.status, status)
			require.Equal(t, mms.Fault, answer.Kind)
			require.Equal(t, c.code, answer.Status.Code)
		})
	}
	inbox.All(t, 0)
	r, err := http.Get(s.URL + "/in/mms/")
	require.NoError(t, err)
	r.Body.Close()
	require.Equal(t, 405, r.StatusCode)
}

func mustBody(_ string, body []byte) []byte { return body }

// A centre that stops half way leaves nothing, and its next try is taken (P-17, P-28).
func TestABrokenPostLeavesNothing(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	_, s := open(t, func(o *Options) { o.Inbox = inbox })
	typ, body := text("+4930", "x")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	fmt.Fprintf(conn, "POST /in/mms/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic bW1zYzpzZWNyZXQ=\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", typ, len(body)+500)
	_, err = conn.Write(body)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), " 400 ")
	inbox.All(t, 0)
	status, _ := centre{s.URL, "mmsc", "secret"}.post(typ, body)
	require.Equal(t, 200, status)
	inbox.All(t, 1)
}

// §F8: the stand-in centre posts all that is generated; every part is in what was kept, and a repeat under another boundary has the same identity.
func TestGeneratedPosts(t *testing.T) {
	inbox := &adaptertest.Inbox{}
	_, s := open(t, func(o *Options) { o.Inbox = inbox })
	c := centre{s.URL, "mmsc", "secret"}
	taken := 0
	for n := range 200 {
		p := mmstest.Make(n, "+4930123")
		status, answer := c.post(p.ContentType, p.Body)
		if p.Name == "end missing" {
			require.Equal(t, 400, status, p.Name)
			continue
		}
		require.Equal(t, 200, status, p.Name)
		require.Equal(t, mms.DeliverRsp, answer.Kind)
		require.Equal(t, p.Transaction, answer.Transaction)
		taken++
		kept := inbox.All(t, taken)[taken-1]
		m := mms.Parse(kept.Content)
		require.Equal(t, p.Sender, m.Sender.Value)
		parts := 0
		for _, part := range m.Parts {
			if part.Number != m.Layout && part.Type != "application/smil" {
				require.Equal(t, p.Media[parts], part.Data, p.Name)
				parts++
			}
		}
		require.Equal(t, len(p.Media), parts, p.Name)
	}
}

func TestCorpusPosts(t *testing.T) {
	folder := os.Getenv("PARLEY_CORPORA")
	if folder == "" {
		t.Skip("SKIPPED: the MM7 samples are not posted; set PARLEY_CORPORA to the folder of collections")
	}
	files, err := filepath.Glob(filepath.Join(folder, "mm7", "deliver*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	inbox := &adaptertest.Inbox{}
	_, s := open(t, func(o *Options) { o.Inbox = inbox })
	for n, name := range files {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		status, answer := centre{s.URL, "mmsc", "secret"}.post("multipart/related", raw)
		require.Equal(t, 200, status, name)
		require.Equal(t, mms.Parse(raw).Transaction, answer.Transaction, name)
		p := mms.Parser{}.Parse(inbox.All(t, n+1)[n].Content, interaction.Facts{})
		require.NotEmpty(t, p.Message.Attachments, name)
	}
}

// keeper hears receipts.
type keeper struct{ heard []interaction.Receipted }

func (k *keeper) Receipt(_ context.Context, r interaction.Receipted) (bool, error) {
	k.heard = append(k.heard, r)
	return r.ID == "m1", nil
}

func TestReports(t *testing.T) {
	k := &keeper{}
	_, s := open(t, func(o *Options) { o.Receipts = k })
	for _, c := range []struct{ kind, id, state string }{{"DeliveryReport", "m1", "Retrieved"}, {"DeliveryReport", "m2", "Expired"}, {"ReadReply", "m1", "Read"}} {
		status, answer := centre{s.URL, "mmsc", "secret"}.post("text/xml", fmt.Appendf(nil, "<Envelope><Body><%[1]sReq><MessageID>%[2]s</MessageID><MMStatus>%[3]s</MMStatus></%[1]sReq></Body></Envelope>",
			c.kind, c.id, c.state))
		require.Equal(t, 200, status)
		require.Equal(t, c.kind+"Rsp", string(answer.Kind))
	}
	var states []interaction.ReceiptState
	for _, r := range k.heard {
		states = append(states, r.State)
	}
	require.Equal(t, []interaction.ReceiptState{interaction.ReceiptDelivered, interaction.ReceiptFailed, interaction.ReceiptRead}, states)
}

// carrier takes SubmitReqs.
type carrier struct {
	*httptest.Server
	mu   sync.Mutex
	got  []*mms.Message
	answ func(w http.ResponseWriter, m *mms.Message)
}

func newCarrier(t *testing.T) *carrier {
	c := &carrier{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m := mms.Parse(append([]byte("Content-Type: "+r.Header.Get("Content-Type")+"\r\n\r\n"), body...))
		c.mu.Lock()
		c.got = append(c.got, m)
		answer := c.answ
		c.mu.Unlock()
		if answer != nil {
			answer(w, m)
			return
		}
		_, _ = w.Write([]byte(strings.Replace(string(mms.Response(m, mms.StatusSuccess)), "</Status>", "</Status><MessageID>m77</MessageID>", 1)))
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *carrier) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

func TestSends(t *testing.T) {
	adaptertest.Send(t, func(t *testing.T) adaptertest.Outlet {
		c := newCarrier(t)
		a, _ := open(t, func(o *Options) { o.Settings.URL = c.URL })
		return adaptertest.Outlet{Sender: a, Left: c.count}
	})
}

func TestAnAnswerWithAPicture(t *testing.T) {
	c := newCarrier(t)
	a, _ := open(t, func(o *Options) { o.Settings.URL = c.URL })
	out := adaptertest.Example()
	out.To[0].Address, out.From.Address = "+491701", "12345"
	out.Attachments = []interaction.Attachment{{Name: "map.png", Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n....")}}
	o := a.Send(t.Context(), out, func(context.Context) error { return nil })
	require.Equal(t, interaction.SendSent, o.State)
	require.Equal(t, "m77", o.ID)
	require.Equal(t, out.MessageID, c.got[0].Transaction)
	require.Equal(t, out.Attachments[0].Data, c.got[0].Parts[c.got[0].Order()[0]].Data)

	out.Attachments[0].Data = make([]byte, defaultMaxSubmit+1)
	o = a.Send(t.Context(), out, func(context.Context) error { t.Error("committed"); return nil })
	require.Equal(t, interaction.SendNotSent, o.State)
	require.Equal(t, "too_large", o.Code)
}

func TestOutcomes(t *testing.T) {
	answer := func(status, code int) func(http.ResponseWriter, *mms.Message) {
		return func(w http.ResponseWriter, m *mms.Message) {
			w.WriteHeader(status)
			switch {
			case code >= 4000:
				_, _ = w.Write(mms.FaultResponse(m, "Server", code, ""))
			case code > 0:
				_, _ = w.Write(mms.Response(m, code))
			}
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *mms.Message)
		want   interaction.SendState
	}{
		"success":              {answer(200, 1000), interaction.SendSent},
		"partial success":      {answer(200, 1100), interaction.SendSent},
		"no such address":      {answer(200, 2003), interaction.SendNotSent},
		"server error":         {answer(200, 3000), interaction.SendQueued},
		"fault, unavailable":   {answer(500, 4006), interaction.SendQueued},
		"fault, who are you":   {answer(500, 4001), interaction.SendNotSent},
		"503 from a proxy":     {answer(503, 0), interaction.SendQueued},
		"401":                  {answer(401, 0), interaction.SendQueued},
		"404":                  {answer(404, 0), interaction.SendNotSent},
		"500 with nothing":     {answer(500, 0), interaction.SendUnknown},
		"200 with nothing":     {answer(200, 0), interaction.SendUnknown},
		"an answer that stops": {func(w http.ResponseWriter, _ *mms.Message) { panic(http.ErrAbortHandler) }, interaction.SendUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			carrier := newCarrier(t)
			carrier.answ = c.answer
			a, _ := open(t, func(o *Options) { o.Settings.URL = carrier.URL })
			require.Equal(t, c.want, a.Send(t.Context(), adaptertest.Example(), func(context.Context) error { return nil }).State)
		})
	}
	gone := newCarrier(t)
	gone.Close()
	a, _ := open(t, func(o *Options) { o.Settings.URL = gone.URL })
	require.Equal(t, interaction.SendQueued, a.Send(t.Context(), adaptertest.Example(), func(context.Context) error { return nil }).State, "no connection")
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]any
		secret   string
		wrong    bool
	}{
		"with a password":        {map[string]any{"user": "mmsc", "url": "https://mmsc.example.net/"}, "env:PARLEY_LINK_X", false},
		"open":                   {map[string]any{"open": true}, "", false},
		"neither":                {map[string]any{}, "", true},
		"a user without secret":  {map[string]any{"user": "mmsc"}, "", true},
		"an address that is not": {map[string]any{"open": true, "url": "ftp://x"}, "", true},
		"a setting of no kind":   {map[string]any{"open": true, "colour": "red"}, "", true},
	} {
		err := CheckSettings(interaction.Link{Settings: c.settings, Secret: c.secret})
		require.Equal(t, c.wrong, err != nil, "%s: %v", name, err)
	}
}
