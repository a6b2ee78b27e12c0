package tnef

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
)

// decodeTest knows the two charsets of these tests.
func decodeTest(charset string, b []byte) string {
	if charset == "windows-1251" {
		s, _ := charmap.Windows1251.NewDecoder().Bytes(b)
		return string(s)
	}
	if charset == "utf-8" {
		return string(b)
	}
	s, _ := charmap.Windows1252.NewDecoder().Bytes(b)
	return string(s)
}

// builder writes streams as Outlook does.
type builder struct{ bytes.Buffer }

func stream() *builder {
	b := &builder{}
	b.Write(Signature)
	b.Write([]byte{1, 0})
	return b
}

func (b *builder) attr(level byte, name int, data []byte) *builder {
	b.WriteByte(level)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(name)))
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(data))))
	b.Write(data)
	b.Write(binary.LittleEndian.AppendUint16(nil, checksum(data)))
	return b
}

// prop is a property for props.
type prop struct {
	id, kind uint16
	named    string
	data     []byte
}

func props(list ...prop) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(list)))
	for _, p := range list {
		out = binary.LittleEndian.AppendUint16(out, p.kind)
		out = binary.LittleEndian.AppendUint16(out, p.id)
		if p.id >= 0x8000 {
			out = append(out, make([]byte, 16)...)
			name := utf16le(p.named)
			out = binary.LittleEndian.AppendUint32(out, 1)
			out = binary.LittleEndian.AppendUint32(out, uint32(len(name)))
			out = append(out, pad(name)...)
		}
		if p.kind == typeString8 || p.kind == typeUnicode || p.kind == typeBinary || p.kind == typeObject {
			out = binary.LittleEndian.AppendUint32(out, 1)
			out = binary.LittleEndian.AppendUint32(out, uint32(len(p.data)))
		}
		out = append(out, pad(p.data)...)
	}
	return out
}

func pad(b []byte) []byte { return append(bytes.Clone(b), make([]byte, -len(b)&3)...) }

func utf16le(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// plainRTF is RTF in the container's uncompressed form.
func plainRTF(source string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(source)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(source)))
	b = append(b, "MELA\x00\x00\x00\x00"...)
	return append(b, source...)
}

func sample() []byte {
	inner := stream().attr(1, attrSubject, []byte("inside\x00")).attr(2, attrRenderData, nil).attr(2, attrFileTitle, []byte("deep.txt\x00")).attr(2, attrFileData, []byte("deep"))
	return stream().
		attr(1, attrCodepage, []byte{0xe3, 0x04, 0, 0, 0, 0, 0, 0}). // 1251
		attr(1, attrSubject, []byte("\xcf\xf0\xe8\xe2\xe5\xf2\x00")).
		attr(1, attrProps, props(
			prop{id: 0x8005, kind: typeInt32, named: "something", data: []byte{1, 0, 0, 0}},
			prop{id: propStart, kind: typeTime, data: make([]byte, 8)},
			prop{id: propRTF, kind: typeBinary, data: plainRTF(`{\rtf1\ansi\ansicpg1251\fromtext {\fonttbl{\f0 Arial;}} first\par \'cf\'f0\u1080 ?!{\*\secret x}\par}`)},
		)).
		attr(2, attrRenderData, make([]byte, 14)).
		attr(2, attrFileTitle, []byte("SHORT~1.PDF\x00")).
		attr(2, attrFileData, []byte("%PDF-1")).
		attr(2, attrFileProps, props(prop{id: propLongName, kind: typeUnicode, data: utf16le("Счёт №1.pdf")}, prop{id: propMime, kind: typeString8, data: []byte("application/pdf\x00")})).
		attr(2, attrRenderData, make([]byte, 14)).
		attr(2, attrFileProps, props(
			prop{id: propFileMethod, kind: typeInt32, data: []byte{methodMessage, 0, 0, 0}},
			prop{id: propDisplayName, kind: typeString8, data: []byte("a message\x00")},
			prop{id: propFileData, kind: typeObject, data: append(make([]byte, 16), inner.Bytes()...)},
		)).Bytes()
}

func TestRead(t *testing.T) {
	m, err := Read(sample(), decodeTest)
	require.NoError(t, err)
	require.Equal(t, "Привет", m.Subject)
	require.Equal(t, "first\nПри!", m.RTF)
	require.Len(t, m.Files, 2)
	require.Equal(t, "Счёт №1.pdf", m.Files[0].Name)
	require.Equal(t, "application/pdf", m.Files[0].Type)
	require.Equal(t, "%PDF-1", string(m.Files[0].Data))
	require.Equal(t, "a message", m.Files[1].Name)
	require.Equal(t, "inside", m.Files[1].Message.Subject)
	require.Equal(t, "deep", string(m.Files[1].Message.Files[0].Data))
}

// What stood before the damage is there, and the damage has a name.
func TestReadDamaged(t *testing.T) {
	whole := sample()
	for name, c := range map[string]struct {
		raw []byte
		err error
	}{
		"nothing":           {nil, errSignature},
		"something else":    {[]byte("PK\x03\x04 and so on"), errSignature},
		"cut in the middle": {whole[:len(whole)-40], errCut},
		"a flipped byte":    {bytes.Replace(whole, []byte("%PDF-1"), []byte("%PDF-2"), 1), errChecksum},
		"a length of 4 GiB": {append(bytes.Clone(whole), 2, 0x0f, 0x80, 6, 0, 0xff, 0xff, 0xff, 0xff, 1), errCut},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Read(c.raw, decodeTest)
			require.ErrorIs(t, err, c.err)
			require.NotNil(t, m)
			if !errors.Is(c.err, errSignature) {
				require.Equal(t, "Привет", m.Subject)
			}
		})
	}
}

func TestNestingEnds(t *testing.T) {
	b := stream().attr(1, attrSubject, []byte("innermost\x00")).Bytes()
	for range 20 {
		b = stream().attr(2, attrRenderData, nil).attr(2, attrFileProps, props(
			prop{id: propFileMethod, kind: typeInt32, data: []byte{methodMessage, 0, 0, 0}}, prop{id: propFileData, kind: typeObject, data: append(make([]byte, 16), b...)})).Bytes()
	}
	_, err := Read(b, decodeTest)
	require.ErrorIs(t, err, errDepth)
}

// The examples of MS-OXRTFCP section 4.1.
func TestDecompress(t *testing.T) {
	for packed, want := range map[string]string{
		"2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232 0af32068656c090020627705b06c647d0a800fa0": "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
		"1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0":                                        "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
	} {
		raw, err := hex.DecodeString(strings.ReplaceAll(packed, " ", ""))
		require.NoError(t, err)
		got, err := decompress(raw)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		_, err = decompress(raw[:20])
		require.ErrorIs(t, err, errRTF)
	}
}

func TestFromRTF(t *testing.T) {
	for name, c := range map[string]struct{ rtf, text, html string }{
		"plain":          {`{\rtf1\ansi Hello\par {\b bold}\tab x\line y \{z\}}`, "Hello\nbold\tx\ny {z}", ""},
		"unicode":        {`{\rtf1\uc1 a\u8364 ?b\u-10179 ?\u-8704 ?}`, "a€b😀", ""},
		"a font's bytes": {`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}\f0 \'e4 \f1 \'cf}`, "ä П", ""},
		"pictures":       {`{\rtf1 a{\pict\wmetafile8 0102030405}b{\bin}}`, "ab", ""},
		"binary":         {"{\\rtf1 a\\bin5 }}}}}b}", "ab", ""},
		"from HTML":      {`{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 a {\*\htmltag84 &amp;} b\htmlrtf }\htmlrtf0{\*\htmltag72 </p>}}`, "", "<p>a &amp; b</p>"},
		"not closed":     {`{\rtf1 {{{ a`, "a", ""},
		"nothing":        {``, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text, html := FromRTF([]byte(c.rtf), decodeTest)
			require.Equal(t, c.text, text)
			require.Equal(t, c.html, html)
		})
	}
}

// FuzzRead: nothing in a stream makes Read panic, or hand out more than its limits.
func FuzzRead(f *testing.F) {
	f.Add(sample())
	f.Add(stream().attr(1, attrBody, []byte("body")).Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, _ := Read(raw, decodeTest)
		if m == nil || len(m.Files) > maxFiles || len(m.RTF) > 4*MaxBody {
			t.Fatalf("%d files, %d bytes", len(m.Files), len(m.RTF))
		}
	})
}

// FuzzFromRTF: nothing in a body makes FromRTF panic.
func FuzzFromRTF(f *testing.F) {
	f.Add([]byte(`{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}a\u1 ?\'e4}`))
	f.Fuzz(func(_ *testing.T, source []byte) { FromRTF(source, decodeTest) })
}
