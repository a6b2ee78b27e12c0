package smpp

import "parley/lib/smpp/sms"

// Body is the mandatory part of a PDU. walk names its fields in the order of the wire; reading, writing and printing all follow it, so that the
// layout of a PDU stands in one place.
type Body interface{ walk(w walker) }

// walker does something with each field: limits are those of the specification, with the closing zero of C-octet strings.
type walker interface {
	octet(name string, v *uint8)
	str(name string, v *string, limit int)
	octets(name string, v *[]byte) // with its length in front
	list(name string, count int, each func(i int, w walker)) int
	word(name string, v *uint32)
}

// Address is a number with its type and plan (sections 5.2.5 and 5.2.6).
type Address struct {
	TON, NPI uint8
	Addr     string
}

// Types of number.
const (
	TONUnknown       = 0
	TONInternational = 1
	TONNational      = 2
	TONNetwork       = 3 // a short code, often
	TONSubscriber    = 4
	TONAlphanumeric  = 5
	NPIUnknown       = 0
	NPIE164          = 1
)

func (a *Address) walk(w walker, prefix, name string, limit int) {
	w.octet(prefix+"_ton", &a.TON)
	w.octet(prefix+"_npi", &a.NPI)
	w.str(name, &a.Addr, limit)
}

// Limits of strings, with their closing zero.
const (
	limitService  = 6
	limitAddress  = 21
	limitLong     = 65
	limitTime     = 17
	limitSystemID = 16
)

// Bind is the body of bind_transmitter, bind_receiver and bind_transceiver (section 4.1).
type Bind struct {
	SystemID, Password, SystemType string
	InterfaceVersion               uint8 // 0x34
	TON, NPI                       uint8
	AddressRange                   string
}

func (b *Bind) walk(w walker) {
	w.str("system_id", &b.SystemID, limitSystemID)
	w.str("password", &b.Password, 9)
	w.str("system_type", &b.SystemType, 13)
	w.octet("interface_version", &b.InterfaceVersion)
	w.octet("addr_ton", &b.TON)
	w.octet("addr_npi", &b.NPI)
	w.str("address_range", &b.AddressRange, 41)
}

// BindResp answers a bind.
type BindResp struct{ SystemID string }

func (b *BindResp) walk(w walker) { w.str("system_id", &b.SystemID, limitSystemID) }

// OutbindBody is the body of outbind: the carrier asks to be bound to.
type OutbindBody struct{ SystemID, Password string }

func (b *OutbindBody) walk(w walker) {
	w.str("system_id", &b.SystemID, limitSystemID)
	w.str("password", &b.Password, 9)
}

// Message is the body of submit_sm and deliver_sm (sections 4.4 and 4.6).
type Message struct {
	ServiceType        string
	Source, Dest       Address
	ESMClass           uint8
	ProtocolID         uint8
	Priority           uint8
	Schedule, Validity string // in SMPP's form of time, section 7.1.1; empty: at once, as long as the carrier likes
	RegisteredDelivery uint8
	ReplaceIfPresent   uint8
	Coding             sms.Coding
	DefaultMessage     uint8
	ShortMessage       []byte
}

// Bits of esm_class (section 5.2.12).
const (
	ESMClassReceipt   = 0x04 // a delivery receipt, in bits 2 to 5
	ESMClassDelivered = 0x08 // an acknowledgement by the user's equipment
	ESMClassInterim   = 0x20 // an intermediate notification
	ESMClassHeader    = 0x40 // the octets begin with a user data header
	esmClassType      = 0x3c
)

func (m *Message) walk(w walker) {
	w.str("service_type", &m.ServiceType, limitService)
	m.Source.walk(w, "source_addr", "source_addr", limitAddress)
	m.Dest.walk(w, "dest_addr", "destination_addr", limitAddress)
	m.walkRest(w)
}

func (m *Message) walkRest(w walker) {
	w.octet("esm_class", &m.ESMClass)
	w.octet("protocol_id", &m.ProtocolID)
	w.octet("priority_flag", &m.Priority)
	w.str("schedule_delivery_time", &m.Schedule, limitTime)
	w.str("validity_period", &m.Validity, limitTime)
	w.octet("registered_delivery", &m.RegisteredDelivery)
	w.octet("replace_if_present_flag", &m.ReplaceIfPresent)
	w.octet("data_coding", (*uint8)(&m.Coding))
	w.octet("sm_default_msg_id", &m.DefaultMessage)
	w.octets("short_message", &m.ShortMessage)
}

// MessageResp answers submit_sm, deliver_sm and data_sm.
type MessageResp struct{ MessageID string }

func (m *MessageResp) walk(w walker) { w.str("message_id", &m.MessageID, limitLong) }

// Data is the body of data_sm (section 4.7); its text is in the TLV message_payload.
type Data struct {
	ServiceType        string
	Source, Dest       Address
	ESMClass           uint8
	RegisteredDelivery uint8
	Coding             sms.Coding
}

func (d *Data) walk(w walker) {
	w.str("service_type", &d.ServiceType, limitService)
	d.Source.walk(w, "source_addr", "source_addr", limitLong)
	d.Dest.walk(w, "dest_addr", "destination_addr", limitLong)
	w.octet("esm_class", &d.ESMClass)
	w.octet("registered_delivery", &d.RegisteredDelivery)
	w.octet("data_coding", (*uint8)(&d.Coding))
}

// Query is the body of query_sm.
type Query struct {
	MessageID string
	Source    Address
}

func (q *Query) walk(w walker) {
	w.str("message_id", &q.MessageID, limitLong)
	q.Source.walk(w, "source_addr", "source_addr", limitAddress)
}

// QueryResp answers it.
type QueryResp struct {
	MessageID string
	FinalDate string
	State     uint8
	ErrorCode uint8
}

func (q *QueryResp) walk(w walker) {
	w.str("message_id", &q.MessageID, limitLong)
	w.str("final_date", &q.FinalDate, limitTime)
	w.octet("message_state", &q.State)
	w.octet("error_code", &q.ErrorCode)
}

// Cancel is the body of cancel_sm.
type Cancel struct {
	ServiceType, MessageID string
	Source, Dest           Address
}

func (c *Cancel) walk(w walker) {
	w.str("service_type", &c.ServiceType, limitService)
	w.str("message_id", &c.MessageID, limitLong)
	c.Source.walk(w, "source_addr", "source_addr", limitAddress)
	c.Dest.walk(w, "dest_addr", "destination_addr", limitAddress)
}

// Replace is the body of replace_sm.
type Replace struct {
	MessageID          string
	Source             Address
	Schedule, Validity string
	RegisteredDelivery uint8
	DefaultMessage     uint8
	ShortMessage       []byte
}

func (r *Replace) walk(w walker) {
	w.str("message_id", &r.MessageID, limitLong)
	r.Source.walk(w, "source_addr", "source_addr", limitAddress)
	w.str("schedule_delivery_time", &r.Schedule, limitTime)
	w.str("validity_period", &r.Validity, limitTime)
	w.octet("registered_delivery", &r.RegisteredDelivery)
	w.octet("sm_default_msg_id", &r.DefaultMessage)
	w.octets("short_message", &r.ShortMessage)
}

// Alert is the body of alert_notification: a number can be reached again.
type Alert struct{ Source, ESME Address }

func (a *Alert) walk(w walker) {
	a.Source.walk(w, "source_addr", "source_addr", limitLong)
	a.ESME.walk(w, "esme_addr", "esme_addr", limitLong)
}

// Multi is the body of submit_multi: one message to many.
type Multi struct {
	Message // Dest is not used
	Dests   []Destination
}

// Destination is a number, or the name of a distribution list that the carrier keeps.
type Destination struct {
	Flag uint8 // 1: a number, 2: a list
	Address
	List string
}

func (m *Multi) walk(w walker) {
	w.str("service_type", &m.ServiceType, limitService)
	m.Source.walk(w, "source_addr", "source_addr", limitAddress)
	n := w.list("dest_address", len(m.Dests), func(i int, w walker) {
		if i == len(m.Dests) {
			m.Dests = append(m.Dests, Destination{})
		}
		d := &m.Dests[i]
		if w.octet("dest_flag", &d.Flag); d.Flag == 2 {
			w.str("dl_name", &d.List, limitAddress)
		} else {
			d.Address.walk(w, "dest_addr", "destination_addr", limitAddress)
		}
	})
	m.Dests = m.Dests[:n]
	m.walkRest(w)
}

// MultiResp answers it, with the numbers that were refused.
type MultiResp struct {
	MessageID string
	Refused   []Refused
}

// Refused is a number that a submit_multi did not go to.
type Refused struct {
	Address
	Status Status
}

func (m *MultiResp) walk(w walker) {
	w.str("message_id", &m.MessageID, limitLong)
	n := w.list("unsuccess_sme", len(m.Refused), func(i int, w walker) {
		if i == len(m.Refused) {
			m.Refused = append(m.Refused, Refused{})
		}
		m.Refused[i].Address.walk(w, "dest_addr", "destination_addr", limitAddress)
		w.word("error_status_code", (*uint32)(&m.Refused[i].Status))
	})
	m.Refused = m.Refused[:n]
}
