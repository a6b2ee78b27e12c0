package phone

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, region, want string }{
		{"+49 30 901820", "", "+4930901820"},
		{"030/90 18 20", "DE", "+4930901820"},
		{"0049 30 901820", "", "+4930901820"},
		{"0170 1234567", "DE", "+491701234567"},
		{"(415) 555-2671", "US", "+14155552671"},
		{"+33 6 12 34 56 78", "DE", "+33612345678"},
	} {
		n, err := Parse(c.text, c.region)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, n.E164)
	}
	mobile, err := Parse("+491701234567", "")
	require.NoError(t, err)
	require.True(t, mobile.Mobile)
	require.Equal(t, "DE", mobile.Region)
}

func TestWhatIsNoNumber(t *testing.T) {
	for _, text := range []string{"", "0170 1234567", "+49", "BANK", "+999123456789", "12345678901234567890", strings.Repeat("1", 1000), "+4930\r\nDATA"} {
		_, err := Parse(text, "")
		require.ErrorIs(t, err, ErrNumber, "%q", text)
	}
}

// What else is known of a number: an extension is kept apart, and who would pay more for calling it is told.
func TestWhatIsKnownOfANumber(t *testing.T) {
	for _, tt := range []struct {
		text, e164, extension string
		costly                bool
	}{
		{"+49 30 901820", "+4930901820", "", false},
		{"030/901820 ext. 12", "+4930901820", "12", false},
		{"tel:+4930901820;ext=7", "+4930901820", "7", false},
		{"＋４９ ３０ ９０１８２０", "+4930901820", "", false},
		{"+49 900 1234567", "+499001234567", "", true},
		{"+44 9012 345678", "+449012345678", "", true},
		{"+1 900 234 5678", "+19002345678", "", true},
		{"+49 800 1234567", "+498001234567", "", false},
	} {
		n, err := Parse(tt.text, "DE")
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.e164, n.E164, tt.text)
		require.Equal(t, tt.extension, n.Extension, tt.text)
		require.Equal(t, tt.costly, n.Costly, tt.text)
	}
}
