package mms

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mms/mmstest"
)

func post(p mmstest.Post) []byte {
	return append([]byte("Content-Type: "+p.ContentType+"\r\n\r\n"), p.Body...)
}

// All parts are kept byte by byte, and the order is right or said to be unknown.
func TestFiveHundredGeneratedMessages(t *testing.T) {
	for n := range 500 {
		p := mmstest.Make(n, "+4930123")
		forms := map[string][]byte{"with its header": post(p), "bare": p.Body}
		for form, raw := range forms {
			m := Parse(raw)
			about := p.Name + ", " + form
			require.Equal(t, DeliverReq, m.Kind, about)
			require.Equal(t, p.Transaction, m.Transaction, about)
			require.Equal(t, p.Sender, m.Sender.Value, about)
			require.Equal(t, "+4930123", m.Recipients[0].Value, about)
			var media []Part
			at := map[int]int{} // index among all parts to the index among the media
			for _, part := range m.Parts {
				if part.Number != m.Layout && part.Type != "application/smil" {
					at[part.Number] = len(media)
					media = append(media, part)
				}
			}
			require.Len(t, media, len(p.Media), about)
			for i := range media {
				require.Equal(t, hex.EncodeToString(p.Media[i]), hex.EncodeToString(media[i].Data), about)
			}
			if p.Problem == "" {
				for _, problem := range m.Problems {
					require.NotContains(t, problem, "smil", about)
				}
			} else {
				require.Contains(t, m.Problems, p.Problem, about)
			}
			if p.Order == nil {
				continue // and the problem says why
			}
			var order []int
			for _, part := range m.Order() {
				order = append(order, at[part])
			}
			require.Equal(t, p.Order, order, about)
		}
	}
}

func TestTextsComeOutReadable(t *testing.T) {
	for n, kind := range mmstest.Kinds {
		p := mmstest.Make(n, "1")
		text := Parse(post(p)).Text()
		require.Contains(t, text, "Grüße", kind)
		require.Contains(t, text, "Seite 1 €", kind)
	}
}

// The sample folder's documents: what each must give.
func TestCorpus(t *testing.T) {
	folder := os.Getenv("PARLEY_CORPORA")
	if folder == "" {
		t.Skip("SKIPPED: the MM7 samples are not read; set PARLEY_CORPORA to the folder of collections")
	}
	files, err := filepath.Glob(filepath.Join(folder, "mm7", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		m := Parse(raw)
		base := strings.ToLower(filepath.Base(name))
		switch {
		case strings.HasPrefix(base, "deliver"):
			require.Equal(t, DeliverReq, m.Kind, name)
			require.NotEmpty(t, m.Transaction, name)
			require.NotEmpty(t, m.Parts, name)
			require.NotContains(t, m.Problems, ProblemXML, name)
		case strings.HasPrefix(base, "fault"):
			require.Equal(t, Fault, m.Kind, name)
			require.NotZero(t, m.Status.Code, name)
		case strings.HasPrefix(base, "smil"):
			require.Equal(t, Presentation, m.Kind, name)
			require.NotEmpty(t, m.Slides, name)
		}
		require.NotContains(t, m.Problems, ProblemGaveUp, name)
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]Address{
		"+491701234567/TYPE=PLMN":      {Kind: Number, Value: "+491701234567"},
		"+491701234567/type=plmn":      {Kind: Number, Value: "+491701234567"},
		"00491701234567":               {Kind: Number, Value: "+491701234567"},
		"+49 (170) 123-45.67":          {Kind: Number, Value: "+491701234567"},
		"tel:+491701234567;phone=x":    {Kind: Number, Value: "+491701234567"},
		"anna@example.org":             {Kind: Email, Value: "anna@example.org"},
		"Anna <anna@example.org>":      {Kind: Email, Value: "anna@example.org"},
		"mailto:anna@example.org":      {Kind: Email, Value: "anna@example.org"},
		"10.1.2.3/TYPE=IPv4":           {Kind: NetworkID, Value: "10.1.2.3"},
		"121399":                       {Kind: Number, Value: "121399"},
		"":                             {Kind: Number, Hidden: true},
		"anonymous":                    {Hidden: true},
		"#insert-address-token":        {Kind: Number, Value: "#insert-address-token"},
		"insert-address-token":         {Hidden: true},
		"TELEKOM":                      {Kind: Number, Value: "TELEKOM"},
		"\"><script>alert(1)</script>": {Kind: Number, Value: "\"><script>alert(1)</script>"},
	} {
		require.Equal(t, want, ParseAddress(in), in)
	}
}

func TestSourcesAreNeverPaths(t *testing.T) {
	for src, want := range map[string]reference{
		"cid:a%40b":              {id: "a@b", name: "a@b", stem: "a@b"},
		"cid: content_15":        {id: "content_15", name: "content_15", stem: "content_15"},
		"http://127.0.0.1/x.jpg": {external: true},
		"file:///etc/passwd":     {external: true},
		"//host/x":               {external: true},
		"../../etc/passwd":       {id: "../../etc/passwd", name: "passwd", stem: "passwd", path: true},
		`..\..\secret.jpg`:       {id: "../../secret.jpg", name: "secret.jpg", stem: "secret", path: true},
		"%2e%2e%2fx.jpg":         {id: "../x.jpg", name: "x.jpg", stem: "x", path: true},
		"x.jpg":                  {id: "x.jpg", name: "x.jpg", stem: "x"},
	} {
		require.Equal(t, want, refer(src), src)
	}
}

func TestClockValues(t *testing.T) {
	for in, want := range map[string]int{
		"5000ms": 5000, "5s": 5000, "2.5s": 2500, "1min": 60000, "0:05": 5000, "00:01:05": 65000, "3": 3000, "": 0, "indefinite": 0, "-5s": 0, "NaN": 0,
		"1e300s": 24 * 3600 * 1000, "a.end": 0,
	} {
		require.Equal(t, want, clockValue(in), in)
	}
}

func TestCharsets(t *testing.T) {
	utf16 := func(s string, big bool) []byte {
		var b []byte
		for _, r := range s {
			if big {
				b = append(b, byte(r>>8), byte(r))
			} else {
				b = append(b, byte(r), byte(r>>8))
			}
		}
		return b
	}
	for name, c := range map[string]struct {
		label string
		raw   []byte
		want  string
		sure  bool
	}{
		"utf-8":                       {"utf-8", []byte("Grüße"), "Grüße", true},
		"its number":                  {"106", []byte("Grüße"), "Grüße", true},
		"its number in quotes":        {`"106"`, []byte("Grüße"), "Grüße", true},
		"latin 1":                     {"4", []byte("Gr\xfc\xdfe"), "Grüße", true},
		"ucs-2":                       {"1000", utf16("Grüße", true), "Grüße", true},
		"utf-16 without mark, big":    {"utf-16", utf16("Grüße", true), "Grüße", true},
		"utf-16 without mark, little": {"utf-16", utf16("Grüße", false), "Grüße", true},
		"utf-16 with mark":            {"1015", append([]byte{0xff, 0xfe}, utf16("Grüße", false)...), "Grüße", true},
		"utf-16 called utf-8":         {"utf-8", utf16("Grüße", true), "Grüße", false},
		"utf-16le that is big":        {"utf-16le", utf16("Grüße", true), "Grüße", false},
		"utf-16 in Greek, no zeros":   {"utf-16", utf16("Καλημέρα", true), "Καλημέρα", true},
		"shift_jis":                   {"17", []byte{0x93, 0xfa, 0x96, 0x7b}, "日本", true},
		"no label, latin bytes":       {"", []byte("Gr\xfc\xdfe"), "Grüße", false},
		"unknown label":               {"x-klingon", []byte("Grüße"), "Grüße", false},
		"unknown number":              {"99999", []byte("Gr\xfc\xdfe"), "Grüße", false},
		"NUL":                         {"utf-8", []byte("a\x00b c d"), "a\uFFFDb c d", true},
	} {
		text, sure := decodeText(c.label, c.raw)
		require.Equal(t, c.want, text, name)
		require.Equal(t, c.sure, sure, name)
	}
}

// Content counts, not what a part says of itself (P-08, P-25).
func TestMediaAreCheckedByContent(t *testing.T) {
	for name, c := range map[string]struct {
		typ, body, media string
		differs          bool
	}{
		"HTML called JPEG":     {"image/jpeg", "<html><script>alert(1)</script>", "text/html", true},
		"SVG called PNG":       {"image/png", "<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "image/svg+xml", true},
		"vCard":                {"text/x-vcard", "BEGIN:VCARD\nURL:javascript:alert(1)\nEND:VCARD", "text/x-vcard", false},
		"vCard as text/vcard":  {"text/vcard", "BEGIN:VCARD\nEND:VCARD", "text/vcard", false},
		"AMR":                  {"audio/amr", "#!AMR\n\x3c", "audio/amr", false},
		"3GP called video/mp4": {"video/mp4", "\x00\x00\x00\x18ftyp3gp4\x00\x00\x00\x00", "video/mp4", false},
		"JPEG called nothing":  {"", "\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg", false},
		"JPEG called octets":   {"application/octet-stream", "\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg", false},
		"plain text":           {"text/plain", "hello", "text/plain", false},
		"program called text":  {"text/plain", "MZ" + strings.Repeat("\x00", 100), "application/x-msdownload", true},
	} {
		e := readEntity([]byte("Content-Type: " + c.typ + "\r\n\r\n" + c.body))
		p := partOf(e, 0)
		require.Equal(t, c.media, p.Media(), name)
		require.Equal(t, c.differs, bytes.Contains([]byte(strings.Join(p.Problems, " ")), []byte(ProblemType)), name)
	}
}

func TestNamesAreLabels(t *testing.T) {
	for in, want := range map[string]string{
		"../../etc/passwd": "passwd", `C:\x\y.jpg`: "y.jpg", "%2e%2e%2fx.jpg": "x.jpg", "a%0d%0ab.jpg": "a  b.jpg", "..": "", "": "", "=?utf-8?q?gr=C3=BC=C3=9Fe.jpg?=": "grüße.jpg",
	} {
		require.Equal(t, want, label(in), in)
	}
}

// Two parts whose names differ in case or in their Unicode form only are both kept (P-26).
func TestNamesThatAreAlike(t *testing.T) {
	var b strings.Builder
	b.WriteString("--x\r\nContent-Type: text/xml\r\n\r\n<Envelope><Body><DeliverReq><Sender>+491</Sender></DeliverReq></Body></Envelope>\r\n")
	for _, name := range []string{"Foto.jpg", "foto.jpg", "fóto.jpg", "fo\u0301to.jpg"} {
		b.WriteString("--x\r\nContent-Type: image/jpeg\r\nContent-Location: " + name + "\r\n\r\n\xff\xd8\xff" + name + "\r\n")
	}
	m := Parse([]byte(b.String() + "--x--\r\n"))
	require.Len(t, m.Parts, 4)
	require.Equal(t, []int{0, 1, 2, 3}, m.Order())
}

func TestThereAreLimits(t *testing.T) {
	many := "--x\r\nContent-Type: text/xml\r\n\r\n<Envelope><Body><DeliverReq/></Body></Envelope>\r\n" + strings.Repeat("--x\r\n\r\na\r\n", 5000) + "--x--\r\n"
	m := Parse([]byte(many))
	require.Contains(t, m.Problems, "too_many_parts")
	require.LessOrEqual(t, len(m.Parts), maxParts)
	var deep strings.Builder
	for n := range 10_000 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", n, n)
	}
	require.Contains(t, Parse([]byte(deep.String())).Problems, ProblemPartsNested)
	_, problems := ParseSMIL([]byte("<smil><body>" + strings.Repeat("<par>", 1000)))
	require.Contains(t, problems, ProblemSMIL)
	bomb := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Envelope><Body><DeliverReq><Subject>&b;</Subject></DeliverReq></Body></Envelope>`
	require.Contains(t, Parse([]byte(bomb)).Problems, ProblemXML)
}

func FuzzParse(f *testing.F) {
	for n, kind := range mmstest.Kinds {
		if kind != "300 KiB picture" && kind != "ten thousand slides" { // large seeds only slow it down
			f.Add(mmstest.Make(n, "1").Body)
		}
	}
	f.Add([]byte("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<smil\r\n2\r\n/>\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		if len(m.Order()) > len(m.Parts) {
			t.Fatal("a part is shown twice")
		}
		for _, p := range m.Problems {
			if p == ProblemGaveUp {
				t.Fatal("the parser panicked")
			}
		}
		m.Inspect()
		Parser{}.Parse(raw, zeroFacts)
	})
}

func FuzzSMIL(f *testing.F) {
	f.Add([]byte(`<smil><body><par dur="5s"><img src="a.jpg"/></par></body></smil>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		slides, _ := ParseSMIL(b)
		if len(slides) > maxSlides {
			t.Fatal("too many slides")
		}
	})
}
