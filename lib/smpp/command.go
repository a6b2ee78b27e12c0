package smpp

import "fmt"

// Command is a command_id (section 5.1.2.1).
type Command uint32

// Commands of SMPP 3.4. A response has the request's number with the highest bit set.
const (
	BindReceiver      Command = 0x00000001
	BindTransmitter   Command = 0x00000002
	QuerySM           Command = 0x00000003
	SubmitSM          Command = 0x00000004
	DeliverSM         Command = 0x00000005
	Unbind            Command = 0x00000006
	ReplaceSM         Command = 0x00000007
	CancelSM          Command = 0x00000008
	BindTransceiver   Command = 0x00000009
	Outbind           Command = 0x0000000b
	EnquireLink       Command = 0x00000015
	SubmitMulti       Command = 0x00000021
	AlertNotification Command = 0x00000102
	DataSM            Command = 0x00000103
	GenericNack       Command = 0x80000000

	responseBit Command = 0x80000000
)

// IsResponse reports whether it answers a request.
func (c Command) IsResponse() bool { return c&responseBit != 0 }

// Response is the command that answers this one.
func (c Command) Response() Command { return c | responseBit }

// Known reports whether SMPP 3.4 has the command.
func (c Command) Known() bool { _, ok := commands[c]; return ok }

// String is the command's name as the specification writes it.
func (c Command) String() string {
	if known, ok := commands[c]; ok {
		return known.name
	}
	return fmt.Sprintf("0x%08x", uint32(c))
}

// layout is a command's name and what makes its body; nil for an empty one. short says that a response may come without its body, which
// carriers leave out after an error and sometimes without one.
type layout struct {
	name  string
	body  func() Body
	short bool
}

var commands = map[Command]layout{
	GenericNack:                {name: "generic_nack"},
	BindReceiver:               {name: "bind_receiver", body: func() Body { return new(Bind) }},
	BindReceiver | responseBit: {name: "bind_receiver_resp", body: func() Body { return new(BindResp) }, short: true},

	BindTransmitter:               {name: "bind_transmitter", body: func() Body { return new(Bind) }},
	BindTransmitter | responseBit: {name: "bind_transmitter_resp", body: func() Body { return new(BindResp) }, short: true},
	BindTransceiver:               {name: "bind_transceiver", body: func() Body { return new(Bind) }},
	BindTransceiver | responseBit: {name: "bind_transceiver_resp", body: func() Body { return new(BindResp) }, short: true},

	Outbind:                 {name: "outbind", body: func() Body { return new(OutbindBody) }},
	QuerySM:                 {name: "query_sm", body: func() Body { return new(Query) }},
	QuerySM | responseBit:   {name: "query_sm_resp", body: func() Body { return new(QueryResp) }, short: true},
	SubmitSM:                {name: "submit_sm", body: func() Body { return new(Message) }},
	SubmitSM | responseBit:  {name: "submit_sm_resp", body: func() Body { return new(MessageResp) }, short: true},
	DeliverSM:               {name: "deliver_sm", body: func() Body { return new(Message) }},
	DeliverSM | responseBit: {name: "deliver_sm_resp", body: func() Body { return new(MessageResp) }, short: true},
	DataSM:                  {name: "data_sm", body: func() Body { return new(Data) }},
	DataSM | responseBit:    {name: "data_sm_resp", body: func() Body { return new(MessageResp) }, short: true},
	Unbind:                  {name: "unbind"},
	Unbind | responseBit:    {name: "unbind_resp"},
	ReplaceSM:               {name: "replace_sm", body: func() Body { return new(Replace) }},
	ReplaceSM | responseBit: {name: "replace_sm_resp"},
	CancelSM:                {name: "cancel_sm", body: func() Body { return new(Cancel) }},
	CancelSM | responseBit:  {name: "cancel_sm_resp"},

	EnquireLink:               {name: "enquire_link"},
	EnquireLink | responseBit: {name: "enquire_link_resp"},
	SubmitMulti:               {name: "submit_multi", body: func() Body { return new(Multi) }},
	SubmitMulti | responseBit: {name: "submit_multi_resp", body: func() Body { return new(MultiResp) }, short: true},
	AlertNotification:         {name: "alert_notification", body: func() Body { return new(Alert) }},
}
