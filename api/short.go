package api

import (
	"context"
	"net/url"
	"time"

	"parley/interaction"
	"parley/lib/phone"
	"parley/lib/smpp/sms"
)

// Consents is the register of who may be written to.
type Consents interface {
	Consent(ctx context.Context, channel interaction.Channel, address string) (interaction.Consent, error)
	SetConsent(ctx context.Context, by interaction.Actor, c interaction.Consent) (interaction.Consent, error)
}

// MeasureInput is a text that shall become a short message.
type MeasureInput struct {
	Body struct {
		Text string `json:"text" maxLength:"65536"`
	}
}

// Measured is how a text travels as a short message.
type Measured struct {
	Body sms.Plan
}

// measureText counts what customers and carriers count: each segment is paid for.
func (s *server) measureText(_ context.Context, in *MeasureInput) (*Measured, error) {
	return &Measured{sms.Measure(in.Body.Text)}, nil
}

// Consent is what the register says of an address.
type Consent struct {
	Channel string     `json:"channel"`
	Address string     `json:"address"`
	Out     bool       `json:"out" doc:"he is not written to on this channel: nothing is queued for him, whoever wants to send"`
	Word    string     `json:"word,omitempty"`
	Source  string     `json:"source,omitempty" enum:"customer,agent,import"`
	Since   *time.Time `json:"since,omitempty" doc:"absent: nothing was ever said"`
}

// ConsentOutput is one entry of the register.
type ConsentOutput struct{ Body Consent }

func consentOutput(c interaction.Consent) *ConsentOutput {
	return &ConsentOutput{Consent{Channel: string(c.Channel), Address: c.Address, Out: c.Out, Word: c.Word, Source: c.Source, Since: moment(c.Since)}}
}

// ConsentPath names an address on a channel.
type ConsentPath struct {
	Channel string `path:"channel" enum:"email,webform,chat,sms,mms,callback,social"`
	Address string `path:"address" maxLength:"320" doc:"a number with its country's code, or another address of the channel"`
}

// address gives the one spelling under which the register knows it.
func (p ConsentPath) address() (interaction.Channel, string, error) {
	text, err := url.PathUnescape(p.Address)
	if err != nil || text == "" || controls(text) {
		return "", "", interaction.Invalid("bad_address", "address", "is not an address")
	}
	if n, err := phone.Parse(text, ""); err == nil {
		text = n.E164
	}
	return interaction.Channel(p.Channel), text, nil
}

func (s *server) getConsent(ctx context.Context, in *ConsentPath) (*ConsentOutput, error) {
	channel, address, err := in.address()
	if err != nil {
		return nil, err
	}
	c, err := s.Consent(ctx, channel, address)
	if err != nil {
		return nil, err
	}
	return consentOutput(c), nil
}

// ConsentInput is what a customer told somebody here.
type ConsentInput struct {
	ConsentPath
	Body struct {
		Out  bool   `json:"out"`
		Word string `json:"word,omitempty" maxLength:"200" doc:"how he said it"`
	}
}

// putConsent writes down an opt-out for everybody who works here; taking one back needs a supervisor, since it is the customer's alone to do.
func (s *server) putConsent(ctx context.Context, in *ConsentInput) (*ConsentOutput, error) {
	channel, address, err := in.address()
	if err != nil {
		return nil, err
	}
	by := actorOf(ctx)
	if !in.Body.Out && !by.AtLeast(interaction.RoleSupervisor) {
		return nil, interaction.Forbidden("forbidden", "a supervisor takes an opt-out back, when the customer has asked for that")
	}
	if err := checkLine("word", in.Body.Word); err != nil {
		return nil, err
	}
	c, err := s.SetConsent(ctx, by, interaction.Consent{Channel: channel, Address: address, Out: in.Body.Out, Word: in.Body.Word, Source: "agent"})
	if err != nil {
		return nil, err
	}
	return consentOutput(c), nil
}
