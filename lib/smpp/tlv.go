package smpp

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"unicode/utf8"
)

// Tag names an optional parameter (section 5.3.2).
type Tag uint16

// Tags that code of ours speaks of; tags has them all.
const (
	TagReceiptedMessageID Tag = 0x001e
	TagSourcePort         Tag = 0x020a
	TagDestPort           Tag = 0x020b
	TagSARReference       Tag = 0x020c
	TagInterfaceVersion   Tag = 0x0210
	TagSARTotal           Tag = 0x020e
	TagSARPart            Tag = 0x020f
	TagNetworkErrorCode   Tag = 0x0423
	TagMessagePayload     Tag = 0x0424
	TagMessageState       Tag = 0x0427
)

// form is how a value is to be read.
type form int

const (
	formOctets form = iota // as it is
	formInt                // a number of one, two or four octets
	formString             // a C-octet string
)

type tagInfo struct {
	name string
	form form
}

var tags = map[Tag]tagInfo{
	0x0005: {"dest_addr_subunit", formInt}, 0x0006: {"dest_network_type", formInt}, 0x0007: {"dest_bearer_type", formInt},
	0x0008: {"dest_telematics_id", formInt}, 0x000d: {"source_addr_subunit", formInt}, 0x000e: {"source_network_type", formInt},
	0x000f: {"source_bearer_type", formInt}, 0x0010: {"source_telematics_id", formInt}, 0x0017: {"qos_time_to_live", formInt},
	0x0019: {"payload_type", formInt}, 0x001d: {"additional_status_info_text", formString}, 0x001e: {"receipted_message_id", formString},
	0x0030: {"ms_msg_wait_facilities", formInt}, 0x0201: {"privacy_indicator", formInt}, 0x0202: {"source_subaddress", formOctets},
	0x0203: {"dest_subaddress", formOctets}, 0x0204: {"user_message_reference", formInt}, 0x0205: {"user_response_code", formInt},
	0x020a: {"source_port", formInt}, 0x020b: {"destination_port", formInt}, 0x020c: {"sar_msg_ref_num", formInt},
	0x020d: {"language_indicator", formInt}, 0x020e: {"sar_total_segments", formInt}, 0x020f: {"sar_segment_seqnum", formInt},
	0x0210: {"sc_interface_version", formInt}, 0x0302: {"callback_num_pres_ind", formInt}, 0x0303: {"callback_num_atag", formOctets},
	0x0304: {"number_of_messages", formInt}, 0x0381: {"callback_num", formOctets}, 0x0420: {"dpf_result", formInt},
	0x0421: {"set_dpf", formInt}, 0x0422: {"ms_availability_status", formInt}, 0x0423: {"network_error_code", formOctets},
	0x0424: {"message_payload", formOctets}, 0x0425: {"delivery_failure_reason", formInt}, 0x0426: {"more_messages_to_send", formInt},
	0x0427: {"message_state", formInt}, 0x0501: {"ussd_service_op", formInt}, 0x1201: {"display_time", formInt},
	0x1203: {"sms_signal", formInt}, 0x1204: {"ms_validity", formInt}, 0x130c: {"alert_on_message_delivery", formOctets},
	0x1380: {"its_reply_type", formInt}, 0x1383: {"its_session_info", formInt},
}

// String is the tag's name as the specification writes it, or its number.
func (t Tag) String() string {
	if info, ok := tags[t]; ok {
		return info.name
	}
	return fmt.Sprintf("0x%04x", uint16(t))
}

// TLV is one optional parameter. Unknown tags are kept, and nobody minds them.
type TLV struct {
	Tag   Tag
	Value []byte
}

// Int reads the value as a number of one to four octets; false for another length.
func (t TLV) Int() (int, bool) {
	if len(t.Value) == 0 || len(t.Value) > 4 {
		return 0, false
	}
	n := 0
	for _, b := range t.Value {
		n = n<<8 | int(b)
	}
	return n, true
}

// Text reads the value as a string up to its closing zero, which some carriers forget.
func (t TLV) Text() string {
	text, _, _ := bytes.Cut(t.Value, []byte{0})
	return string(text)
}

// Shown is the value as people read it: a number, a text, or octets in hex.
func (t TLV) Shown() any {
	switch tags[t.Tag].form {
	case formInt:
		if n, ok := t.Int(); ok {
			return n
		}
	case formString:
		if s := t.Text(); utf8.ValidString(s) {
			return s
		}
	}
	return hex.EncodeToString(t.Value)
}

// TLVs is the optional part of a PDU in the order of the wire.
type TLVs []TLV

// Get finds a parameter. Of one that comes twice the first counts.
func (l TLVs) Get(tag Tag) (TLV, bool) {
	for _, t := range l {
		if t.Tag == tag {
			return t, true
		}
	}
	return TLV{}, false
}

// Int finds a parameter that is a number.
func (l TLVs) Int(tag Tag) (int, bool) {
	t, ok := l.Get(tag)
	if !ok {
		return 0, false
	}
	return t.Int()
}

// Uint8 makes a parameter of one octet.
func Uint8(tag Tag, n int) TLV { return TLV{Tag: tag, Value: []byte{byte(n)}} }

// Uint16 makes a parameter of two octets.
func Uint16(tag Tag, n int) TLV { return TLV{Tag: tag, Value: []byte{byte(n >> 8), byte(n)}} }

// String makes a C-octet string.
func String(tag Tag, s string) TLV { return TLV{Tag: tag, Value: append([]byte(s), 0)} }
