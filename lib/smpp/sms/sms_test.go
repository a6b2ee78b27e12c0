package sms

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestEveryCharacterOfTheDefaultAlphabet goes through both tables (§F4).
func TestEveryCharacterOfTheDefaultAlphabet(t *testing.T) {
	n := 0
	for code := range 128 {
		if code == escape {
			continue
		}
		n++
		roundTrip(t, []byte{byte(code)})
	}
	for code := range gsm7Extension {
		n++
		roundTrip(t, []byte{escape, code})
	}
	require.Equal(t, 127+10, n)
}

func roundTrip(t *testing.T, code []byte) {
	t.Helper()
	text, ok := GSM7.Decode(code)
	require.True(t, ok)
	require.Equal(t, 1, utf8.RuneCountInString(text))
	again, ok := GSM7.Encode(text)
	require.True(t, ok)
	require.Equal(t, code, again)
}

func TestKnownEncodings(t *testing.T) {
	data, ok := GSM7.Encode("@€é")
	require.True(t, ok)
	require.Equal(t, []byte{0x00, 0x1b, 0x65, 0x05}, data)
	_, ok = GSM7.Encode("ж")
	require.False(t, ok)
	_, ok = GSM7.Encode("\x1b")
	require.False(t, ok, "the escape is no character")
	text, ok := GSM7.Decode([]byte{escape, 'a', escape, escape})
	require.Equal(t, "a ", text, "an unknown extension shows as the default table's character (TS 23.038 section 6.2.1.1)")
	require.True(t, ok)
	_, ok = GSM7.Decode([]byte{0x80})
	require.False(t, ok)
	text, ok = Coding(6).Alphabet(GSM7).Decode([]byte{0xb6})
	require.Equal(t, "Ж", text)
	require.True(t, ok)
}

func TestCodings(t *testing.T) {
	for coding, want := range map[Coding]Alphabet{
		0: Latin1, 1: ASCII, 2: Binary, 3: Latin1, 4: Binary, 8: UCS2, 11: Binary, 0xc8: GSM7, 0xe0: UCS2, 0xf0: GSM7, 0xf1: GSM7, 0xf4: Binary, 245: Binary,
	} {
		require.Equal(t, want, coding.Alphabet(Latin1), "%#x", coding)
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, text     string
		alphabet       Alphabet
		segments, left int
	}{
		{"empty", "", GSM7, 1, 160},
		{"160 septets", strings.Repeat("a", 160), GSM7, 1, 0},
		{"161 septets", strings.Repeat("a", 161), GSM7, 2, 145},
		{"306 septets", strings.Repeat("a", 306), GSM7, 2, 0},
		{"an extension counts twice", strings.Repeat("€", 80), GSM7, 1, 0},
		{"an extension at the cut", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 10), GSM7, 2, 141},
		{"70 units", strings.Repeat("ж", 70), UCS2, 1, 0},
		{"71 units", strings.Repeat("ж", 71), UCS2, 2, 63},
		{"a pair at the cut", strings.Repeat("ж", 66) + "😀😀" + "ж", UCS2, 2, 62},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Measure(c.text)
			require.Equal(t, c.alphabet, p.Alphabet)
			require.Equal(t, c.segments, p.Segments)
			require.Equal(t, c.left, p.Left)
			require.Equal(t, utf8.RuneCountInString(c.text), p.Characters)
		})
	}
}

// TestATextIsTheSameBehindTheCut: every part by itself is text, has its numbers and fits; together they are what was cut.
func TestATextIsTheSameBehindTheCut(t *testing.T) {
	alphabet := []rune("aé€[@ жд😀🇩🇪字\n")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom(alphabet[:rapid.IntRange(1, len(alphabet)).Draw(t, "kinds")]), 0, 900, -1).Draw(t, "text")
		cut := Cut{Reference: rapid.IntRange(0, 255).Draw(t, "reference"), Wide: rapid.Bool().Draw(t, "wide"), Standard: rapid.SampledFrom([]Alphabet{GSM7, Latin1, UTF8}).Draw(t, "standard")}
		segments, err := cut.Split(text)
		require.NoError(t, err)
		var whole strings.Builder
		for i, s := range segments {
			part, ok := s.Coding.Alphabet(cut.Standard).Decode(s.Data)
			require.True(t, ok, "part %d", i+1)
			whole.WriteString(part)
			header := s.Header.Bytes()
			if s.Coding == CodingDefault && cut.Standard == GSM7 {
				require.LessOrEqual(t, (len(header)*8+6)/7+len(s.Data), maxSeptets)
			} else {
				require.LessOrEqual(t, len(header)+len(s.Data), maxOctets)
			}
			if len(segments) == 1 {
				require.Empty(t, header)
				continue
			}
			parsed, rest, err := ParseHeader(append(bytes.Clone(header), s.Data...))
			require.NoError(t, err)
			require.Equal(t, s.Data, rest)
			concat, err := parsed.Concat()
			require.NoError(t, err)
			require.Equal(t, &Concat{Reference: cut.Reference, Wide: cut.Wide, Total: len(segments), Part: i + 1}, concat)
		}
		require.Equal(t, text, whole.String())
	})
}

func TestATextThatIsTooLongIsRefused(t *testing.T) {
	_, err := Cut{Max: 2}.Split(strings.Repeat("a", 400))
	require.ErrorIs(t, err, ErrTooLong)
	require.ErrorContains(t, err, "3 segments, at most 2")
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte{5, 0, 3, 7, 2, 1, 'h'})
	f.Add([]byte{11, 5, 4, 0x23, 0xf4, 0, 0, 0, 3, 1, 2, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, rest, err := ParseHeader(data)
		if err != nil {
			require.Equal(t, data, rest)
			return
		}
		require.Equal(t, data, append(append([]byte{data[0]}, bytes.TrimPrefix(h.Bytes(), []byte{data[0]})...), rest...))
		_, _ = h.Concat()
		h.Ports()
	})
}
