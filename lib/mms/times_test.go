package mms

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// A message that has expired, and one that is to be delivered at a later time, are kept like any other, with both times (P-22).
func TestTimesOfAMessage(t *testing.T) {
	const expired, later = "2020-01-02T03:04:05Z", "2099-01-02T02:04:05Z"
	raw := fmt.Appendf(nil, "--x\r\nContent-Type: text/xml\r\n\r\n<Envelope><Body><DeliverReq><LinkedID>l1</LinkedID><Sender><Number>+491701</Number></Sender><TimeStamp>2026-03-01T10:00:00Z</TimeStamp>"+
		"<ExpiryDate>%s</ExpiryDate><EarliestDeliveryTime>2099-01-02T03:04:05+01:00</EarliestDeliveryTime></DeliverReq></Body></Envelope>\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n", expired)
	m := Parse(raw)
	require.Equal(t, expired, m.Expires.Format("2006-01-02T15:04:05Z07:00"))
	require.Equal(t, later, m.Deliver.Format("2006-01-02T15:04:05Z07:00"))
	p := Parser{}.Parse(raw, interaction.Facts{})
	require.Equal(t, "hello", p.Message.Text)
	said := map[string]string{}
	for _, h := range p.Message.Headers {
		said[h.Name] = h.Value
	}
	require.Equal(t, expired, said["X-Mms-Expiry"])
	require.Equal(t, later, said["X-Mms-Delivery-Time"])
}
