package smpp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"parley/lib/smpp/sms"
)

func cstring(limit int) *rapid.Generator[string] {
	return rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 0, limit-1), func(b []byte) string { return string(b) })
}

func address(limit int) *rapid.Generator[Address] {
	return rapid.Custom(func(t *rapid.T) Address {
		return Address{TON: rapid.Byte().Draw(t, "ton"), NPI: rapid.Byte().Draw(t, "npi"), Addr: cstring(limit).Draw(t, "addr")}
	})
}

func message(t *rapid.T) Message {
	return Message{
		ServiceType: cstring(limitService).Draw(t, "service"), Source: address(limitAddress).Draw(t, "source"), Dest: address(limitAddress).Draw(t, "dest"),
		ESMClass: rapid.Byte().Draw(t, "esm"), ProtocolID: rapid.Byte().Draw(t, "pid"), Priority: rapid.Byte().Draw(t, "priority"),
		Schedule: cstring(limitTime).Draw(t, "schedule"), Validity: cstring(limitTime).Draw(t, "validity"), RegisteredDelivery: rapid.Byte().Draw(t, "registered"),
		Coding: sms.Coding(rapid.Byte().Draw(t, "coding")), ShortMessage: rapid.SliceOfN(rapid.Byte(), 0, 255).Draw(t, "message"),
	}
}

// body draws a body of a command; nil where it has none, and sometimes where a response may do without.
func body(t *rapid.T, c Command) Body {
	layout := commands[c]
	if layout.body == nil || layout.short && rapid.Bool().Draw(t, "without body") {
		return nil
	}
	switch b := layout.body().(type) {
	case *Bind:
		b.SystemID, b.Password, b.SystemType = cstring(limitSystemID).Draw(t, "id"), cstring(9).Draw(t, "password"), cstring(13).Draw(t, "type")
		b.InterfaceVersion, b.AddressRange = rapid.Byte().Draw(t, "version"), cstring(41).Draw(t, "range")
		return b
	case *BindResp:
		b.SystemID = cstring(limitSystemID).Draw(t, "id")
		return b
	case *OutbindBody:
		b.SystemID, b.Password = cstring(limitSystemID).Draw(t, "id"), cstring(9).Draw(t, "password")
		return b
	case *Message:
		*b = message(t)
		return b
	case *MessageResp:
		b.MessageID = cstring(limitLong).Draw(t, "id")
		return b
	case *Data:
		b.Source, b.Dest, b.Coding = address(limitLong).Draw(t, "source"), address(limitLong).Draw(t, "dest"), sms.Coding(rapid.Byte().Draw(t, "coding"))
		return b
	case *Query:
		b.MessageID, b.Source = cstring(limitLong).Draw(t, "id"), address(limitAddress).Draw(t, "source")
		return b
	case *QueryResp:
		b.MessageID, b.FinalDate, b.State = cstring(limitLong).Draw(t, "id"), cstring(limitTime).Draw(t, "date"), rapid.Byte().Draw(t, "state")
		return b
	case *Cancel:
		b.MessageID, b.Source, b.Dest = cstring(limitLong).Draw(t, "id"), address(limitAddress).Draw(t, "source"), address(limitAddress).Draw(t, "dest")
		return b
	case *Replace:
		b.MessageID, b.Source, b.ShortMessage = cstring(limitLong).Draw(t, "id"), address(limitAddress).Draw(t, "source"), rapid.SliceOfN(rapid.Byte(), 0, 255).Draw(t, "message")
		return b
	case *Alert:
		b.Source, b.ESME = address(limitLong).Draw(t, "source"), address(limitLong).Draw(t, "esme")
		return b
	case *Multi:
		b.Message = message(t)
		b.Message.Dest = Address{}
		b.Dests = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Destination {
			if rapid.Bool().Draw(t, "list") {
				return Destination{Flag: 2, List: cstring(limitAddress).Draw(t, "name")}
			}
			return Destination{Flag: 1, Address: address(limitAddress).Draw(t, "dest")}
		}), 0, 254).Draw(t, "dests")
		return b
	case *MultiResp:
		b.MessageID = cstring(limitLong).Draw(t, "id")
		b.Refused = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Refused {
			return Refused{Address: address(limitAddress).Draw(t, "dest"), Status: Status(rapid.Uint32().Draw(t, "status"))}
		}), 0, 20).Draw(t, "refused")
		return b
	default:
		t.Fatalf("no way to draw a body of %s", c)
		return nil
	}
}

// TestEveryPDUSurvivesTheWire: what was written is read again, field for field, and written again octet for octet.
func TestEveryPDUSurvivesTheWire(t *testing.T) {
	all := make([]Command, 0, len(commands))
	for c := range commands {
		all = append(all, c)
	}
	slices.Sort(all)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(all).Draw(t, "command")
		p := &PDU{Command: c, Status: Status(rapid.Uint32().Draw(t, "status")), Sequence: rapid.Uint32().Draw(t, "sequence"), Body: body(t, c)}
		if p.Body != nil || !commands[c].short {
			p.TLVs = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) TLV {
				return TLV{Tag: Tag(rapid.Uint16().Draw(t, "tag")), Value: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value")}
			}), 0, 4).Draw(t, "TLVs")
		}
		raw, err := p.Encode()
		require.NoError(t, err)
		framed, err := Read(bytes.NewReader(append(slices.Clone(raw), 1, 2, 3)))
		require.NoError(t, err)
		require.Equal(t, raw, framed)
		read, err := Decode(framed)
		require.NoError(t, err)
		require.Equal(t, p.Fields(), read.Fields())
		again, err := read.Encode()
		require.NoError(t, err)
		require.Equal(t, raw, again)
	})
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		err       error
		field     string
		status    Status
	}{
		{"nothing", "", ErrCommandLength, "command_length", StatusInvalidCommand},
		{"half a header", "0000001000", ErrCommandLength, "command_length", StatusInvalidCommand},
		{"length smaller than it is", "0000001000000015000000000000000100", ErrCommandLength, "command_length", StatusInvalidCommand},
		{"unknown command (M-02)", "00000010000001100000000000000001", ErrUnknownCommand, "command_id", StatusUnknownCommand},
		{"message id without end (M-04)", "0000001380000004000000000000000131 3233", ErrNoEnd, "message_id", StatusInvalidID},
		{"service type over its limit (M-04)", "0000001a0000000400000000000000013132333435363738390000", ErrTooLong, "service_type", StatusInvalidService},
		{"empty submit_sm", "00000010000000040000000000000001", ErrShort, "service_type", StatusInvalidService},
		{"message longer than the rest (M-05)", "0000002300000004000000000000000100000031000000320000000000000000000541", ErrLength, "short_message", StatusInvalidLength},
		{"parameter longer than the PDU (M-07)", "000000260000000400000000000000010000003100000032000000000000000000000004240009", ErrTLV, "TLV message_payload", StatusInvalidTLVLen},
		{"half a parameter", "00000024000000040000000000000001000000310000003200000000000000000000000424", ErrTLV, "TLV", StatusInvalidTLV},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
			require.NoError(t, err)
			if len(raw) > 4 && !errors.Is(c.err, ErrCommandLength) {
				raw[3] = byte(len(raw))
			}
			_, err = Decode(raw)
			require.ErrorIs(t, err, c.err)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.field, e.Field)
			require.Equal(t, c.status, e.Status)
			require.Contains(t, err.Error(), c.status.String())
		})
	}
}

func TestAStreamWithoutFramesIsLost(t *testing.T) { // M-01
	for name, head := range map[string]string{"length 0": "00000000", "length 15": "0000000f", "length 2^31": "80000000"} {
		t.Run(name, func(t *testing.T) {
			raw, err := hex.DecodeString(head + "000000150000000000000001")
			require.NoError(t, err)
			_, err = Read(bytes.NewReader(raw))
			var e *Error
			require.ErrorAs(t, err, &e)
			require.True(t, e.Fatal())
			require.Equal(t, StatusInvalidCommand, e.Status)
		})
	}
	_, err := Read(strings.NewReader("\x00\x00\x00\x11\x00"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestOfAParameterThatComesTwiceTheFirstCounts(t *testing.T) { // M-07
	p := &PDU{Command: SubmitSM, Body: &Message{}, TLVs: TLVs{Uint8(TagMessageState, 2), Uint8(TagMessageState, 5), Octets(0x7777, "unknown")}}
	raw, err := p.Encode()
	require.NoError(t, err)
	p, err = Decode(raw)
	require.NoError(t, err)
	state, ok := p.TLVs.Int(TagMessageState)
	require.True(t, ok)
	require.Equal(t, 2, state)
}

// Octets makes a parameter of a text's octets.
func Octets(tag Tag, s string) TLV { return TLV{Tag: tag, Value: []byte(s)} }

func TestWhatCannotBeReadCannotBeWritten(t *testing.T) {
	for name, b := range map[string]Body{
		"long message": &Message{ShortMessage: make([]byte, 256)}, "long number": &Message{Dest: Address{Addr: strings.Repeat("1", 21)}},
		"zero in a string": &MessageResp{MessageID: "a\x00b"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&PDU{Command: SubmitSM, Body: b}).Encode()
			require.ErrorContains(t, err, "submit_sm")
		})
	}
}

// FuzzDecode: whatever comes, nothing panics, what is read is written the same, and a look at it always gives something.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"0000001000000015000000000a342ee7", "f000001100000110000000000a342ee70f",
		"00000039000000050000000000000001000101393939393139393134353933000000363436340000000000000000080010c1e1e9edf3faf1fc",
		"000000ba00000005000000000000000200010134343935313336313932300001013430343034000400000000000000006e69643a30303539313133393738",
	} {
		raw, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := Read(bytes.NewReader(raw)); err == nil {
			pieces := Cut(raw)
			require.Equal(t, raw, bytes.Join(pieces, nil))
		}
		_, _ = Look(raw, sms.GSM7)
		p, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := p.Encode()
		require.NoError(t, err)
		require.Equal(t, raw, again)
	})
}
