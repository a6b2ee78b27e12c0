package smpp

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/smpp/sms"
)

func TestContent(t *testing.T) {
	for _, c := range []struct {
		name    string
		message Message
		tlvs    TLVs
		text    string
		part    *sms.Concat
		problem string
	}{
		{name: "default alphabet", message: Message{ShortMessage: []byte("\x00\x1b\x65\x05")}, text: "@€é"},
		{name: "Latin-1", message: Message{Coding: 3, ShortMessage: []byte("caf\xe9")}, text: "café"},
		{name: "UCS-2 with a pair", message: Message{Coding: 8, ShortMessage: []byte{0xd8, 0x3d, 0xde, 0x00}}, text: "😀"},
		{name: "message_payload", tlvs: TLVs{Octets(TagMessagePayload, "long")}, text: "long"},
		{name: "both", message: Message{ShortMessage: []byte("short")}, tlvs: TLVs{Octets(TagMessagePayload, "long")}, text: "short", problem: ProblemPayload},
		{name: "8-bit reference", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x07\x02\x01hi")}, text: "hi", part: &sms.Concat{Reference: 7, Total: 2, Part: 1}},
		{name: "16-bit reference", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x06\x08\x04\x01\x07\x02\x02hi")}, text: "hi", part: &sms.Concat{Reference: 263, Wide: true, Total: 2, Part: 2}},
		{name: "SAR", message: Message{ShortMessage: []byte("hi")}, tlvs: TLVs{Uint16(TagSARReference, 9), Uint8(TagSARTotal, 3), Uint8(TagSARPart, 2)}, text: "hi", part: &sms.Concat{Reference: 9, Wide: true, Total: 3, Part: 2}},
		{name: "header longer than the message (M-08)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x70\x00\x03")}, problem: ProblemHeader},
		{name: "element beyond the header (M-08)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x03\x00\x09\x01hi")}, problem: ProblemHeader},
		{name: "element of length 0 (M-08)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x02\x00\x00hi")}, text: "hi", problem: ProblemParts},
		{name: "two that contradict each other (M-08)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x0a\x00\x03\x01\x02\x01\x00\x03\x01\x02\x02hi")}, text: "hi", problem: ProblemParts},
		{name: "part 4 of 3 (M-10)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x07\x03\x04hi")}, text: "hi", problem: ProblemParts},
		{name: "part 0 (M-10)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x07\x03\x00hi")}, text: "hi", problem: ProblemParts},
		{name: "total 0 (M-10)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x07\x00\x01hi")}, text: "hi", problem: ProblemParts},
		{name: "total 255 (M-10)", message: Message{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x07\xff\x01hi")}, text: "hi", problem: ProblemParts},
		{name: "binary (M-14)", message: Message{Coding: 4, ShortMessage: []byte("\x01\x02")}, problem: ProblemBinary},
		{name: "class 1, 8 bits (M-14)", message: Message{Coding: 245, ShortMessage: []byte("\x01\x02")}, problem: ProblemBinary},
		{name: "UCS-2 of odd length (M-14)", message: Message{Coding: 8, ShortMessage: []byte("\x00a\x00")}, problem: ProblemText},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := (&PDU{Command: DeliverSM, Body: &c.message, TLVs: c.tlvs}).Content(sms.GSM7)
			require.Equal(t, c.text, got.Text)
			require.Equal(t, c.part, got.Part)
			if c.problem == "" {
				require.Empty(t, got.Problems)
			} else {
				require.Equal(t, []string{c.problem}, got.Problems)
			}
			if c.problem == ProblemHeader || c.problem == ProblemBinary {
				require.Equal(t, hex.EncodeToString(c.message.ShortMessage), got.Hex(), "the octets are kept")
			}
		})
	}
}

func TestReceipt(t *testing.T) {
	for _, c := range []struct {
		name, text string
		tlvs       TLVs
		id         string
		state      State
		code       string
	}{
		{name: "as in appendix B", text: "id:123 sub:001 dlvrd:001 submit date:1002101730 done date:1002101731 stat:DELIVRD err:000 text:stat:UNDELIV", id: "123", state: StateDelivered, code: "000"},
		{name: "other case and order", text: "ID:abc Stat:undeliv Err:045", id: "abc", state: StateUndeliverable, code: "045"},
		{name: "without stat (M-17)", text: "id:123 sub:001", id: "123"},
		{name: "parameters alone", tlvs: TLVs{String(TagReceiptedMessageID, "77"), Uint8(TagMessageState, 8)}, id: "77", state: StateRejected},
		{name: "parameters before the text", text: "id:0059113978 stat:UNDELIV err:000", tlvs: TLVs{String(TagReceiptedMessageID, "38601fa"), Uint8(TagMessageState, 2)}, id: "38601fa", state: StateDelivered, code: "000"},
		{name: "no receipt's text at all", text: "hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &PDU{Command: DeliverSM, Body: &Message{ESMClass: ESMClassReceipt, ShortMessage: []byte(c.text)}, TLVs: c.tlvs}
			r := p.Content("").Receipt
			require.NotNil(t, r)
			require.Equal(t, [...]string{c.id, string(c.state), c.code}, [...]string{r.MessageID, string(r.State), r.Error})
		})
	}
}

func TestAMessageIsNoReceipt(t *testing.T) {
	p := &PDU{Command: DeliverSM, Body: &Message{ShortMessage: []byte("id:123 stat:DELIVRD")}}
	require.Nil(t, p.Content("").Receipt)
}

func TestSameID(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"38601fa", "0059113978"}, {"59113978", "38601FA"}, {"0000000a", "10"}, {"126e85a6edeac1a02020099312479564", "126E85A6EDEAC1A02020099312479564"}, {"msg-1", "msg-1"},
	} {
		require.True(t, alike(c.a, c.b), "%s and %s", c.a, c.b)
	}
	require.False(t, alike("msg-1", "msg-2"))
	require.False(t, alike("17", "18"))
}

// alike reports whether two ids have a spelling in common.
func alike(a, b string) bool {
	for _, x := range SameID(a) {
		for _, y := range SameID(b) {
			if x == y {
				return true
			}
		}
	}
	return false
}

func TestParseHexSaysWhatAndWhere(t *testing.T) {
	raw, err := ParseHex("0x00 00:00\n10")
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0, 0, 0x10}, raw)
	for text, want := range map[string]string{"00 1g": `character 5 is 'g'`, "": "no hex digits", "001": "3 hex digits"} {
		_, err := ParseHex(text)
		require.ErrorContains(t, err, want)
	}
}
