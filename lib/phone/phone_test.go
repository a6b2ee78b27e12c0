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
