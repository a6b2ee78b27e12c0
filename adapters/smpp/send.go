package smpp

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	"unicode"

	"parley/interaction"
	"parley/lib/phone"
	"parley/lib/sending"
	"parley/lib/smpp"
	"parley/lib/smpp/session"
	"parley/lib/smpp/sms"
)

// patience is how long one attempt waits for its turn, for the link to come back or for the centre to be less busy, before it is left to a later one.
const patience = 90 * time.Second

// Send submits the message, in parts if it is long. commit is called before the first part.
func (a *Adapter) Send(ctx context.Context, out interaction.Outbound, commit func(context.Context) error) interaction.Outcome {
	if err := context.Cause(ctx); err != nil {
		return sending.Ended(err)
	}
	parts, number, err := a.parts(out)
	if err != nil {
		o := sending.Impossible(err)
		o.Permanent = errors.Is(err, phone.ErrNumber)
		return o
	}
	return sending.Guard(a.log, commit, func(commit sending.Commit) interaction.Outcome {
		return a.submit(ctx, out, parts, number, commit)
	})
}

// submit has the centre take one part after the other.
func (a *Adapter) submit(ctx context.Context, out interaction.Outbound, parts []*smpp.PDU, number string, commit sending.Commit) interaction.Outcome {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	outcome := interaction.Outcome{State: interaction.SendSent, Code: "0"}
	var refused error // by the commit
	for n, p := range parts {
		var first func() error
		if n == 0 {
			first = func() error {
				refused = commit(ctx)
				return refused
			}
		}
		answer, err := a.link.Submit(waiting, p, out.Date.UnixNano(), first)
		if n > 0 && (err != nil || answer.Status != smpp.StatusOK) {
			return partly(outcome, n, len(parts), answer, err)
		}
		if result, stop := judge(answer, err, refused); stop {
			return result
		}
		body, _ := answer.Body.(*smpp.MessageResp)
		if body != nil && body.MessageID != "" {
			outcome.Names = append(outcome.Names, named(number, body.MessageID))
		}
	}
	return outcome
}

// judge says what became of the first part, whose commit may have been refused.
func judge(answer *smpp.PDU, err, refused error) (interaction.Outcome, bool) {
	var lost *session.Lost
	switch {
	case refused != nil:
		return sending.Aborted(refused), true
	case errors.As(err, &lost):
		return interaction.Outcome{State: interaction.SendUnknown, Code: "answer_lost", Text: err.Error()}, true
	case err != nil:
		return interaction.Outcome{State: interaction.SendQueued, Code: interaction.CodeLineDown, Text: err.Error()}, true
	case answer.Status == smpp.StatusOK:
		return interaction.Outcome{}, false
	case answer.Status.Temporary():
		return interaction.Outcome{State: interaction.SendQueued, Code: code(answer.Status), Text: answer.Status.String()}, true
	}
	return interaction.Outcome{
		State: interaction.SendNotSent, Code: code(answer.Status), Text: answer.Status.String(), Permanent: answer.Status.BadAddress(),
	}, true
}

// partly is for a message of which some parts left and the next did not: nobody but a person can say what that is worth.
func partly(o interaction.Outcome, left, all int, answer *smpp.PDU, err error) interaction.Outcome {
	o.State, o.Code = interaction.SendUnknown, "in_part"
	why := ""
	if err != nil {
		why = err.Error()
	} else {
		o.Code, why = code(answer.Status), answer.Status.String()
	}
	o.Text = fmt.Sprintf("%d of %d parts were taken; then: %s", left, all, why)
	return o
}

// code is a status in the ledger.
func code(s smpp.Status) string { return fmt.Sprintf("%d", uint32(s)) }

// named gives a message's name with the centre, and the spellings under which a receipt may call it.
func named(number, id string) interaction.CarrierName {
	name := interaction.CarrierName{ID: carrierID(number, id)}
	for _, other := range smpp.SameID(id) {
		name.Spellings = append(name.Spellings, carrierID(number, other))
	}
	return name
}

// parts makes the PDUs of a message. The same message always gives the same ones: the reference follows from its key.
func (a *Adapter) parts(out interaction.Outbound) ([]*smpp.PDU, string, error) {
	to, text, err := sending.Words(out)
	if err != nil {
		return nil, "", err
	}
	dest, number, err := a.dest(to)
	if err != nil {
		return nil, "", err
	}
	limit := a.options.MaxParts
	if limit == 0 {
		limit = 10
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(out.Key))
	cut := sms.Cut{Reference: int(hash.Sum32() & 0xff), Standard: sms.Alphabet(a.options.Alphabet), Max: limit}
	if a.options.Long == "udh16" || a.options.Long == "sar" {
		cut.Wide, cut.Reference = true, int(hash.Sum32()&0xffff)
	}
	segments, err := cut.Split(strings.ReplaceAll(text, "\r\n", "\n"))
	if err != nil {
		return nil, "", err
	}
	base := smpp.Message{ServiceType: a.options.ServiceType, Source: a.source(out.From.Address), Dest: dest}
	if !a.options.NoReceipts {
		base.RegisteredDelivery = 1
	}
	return a.pdus(base, segments), number, nil
}

// pdus puts the segments into PDUs the way the centre wants long messages.
func (a *Adapter) pdus(base smpp.Message, segments []sms.Segment) []*smpp.PDU {
	if a.options.Long == "payload" && len(segments) > 1 {
		var whole []byte
		for _, s := range segments {
			whole = append(whole, s.Data...)
		}
		base.Coding = segments[0].Coding
		return []*smpp.PDU{{Command: smpp.SubmitSM, Body: &base, TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: whole}}}}
	}
	list := make([]*smpp.PDU, len(segments))
	for i, s := range segments {
		m := base
		m.Coding, m.ShortMessage = s.Coding, s.Data
		p := &smpp.PDU{Command: smpp.SubmitSM, Body: &m}
		if concat, _ := s.Header.Concat(); concat != nil {
			if a.options.Long == "sar" {
				p.TLVs = smpp.TLVs{
					smpp.Uint16(smpp.TagSARReference, concat.Reference), smpp.Uint8(smpp.TagSARTotal, concat.Total), smpp.Uint8(smpp.TagSARPart, concat.Part),
				}
			} else {
				m.ESMClass |= smpp.ESMClassHeader
				m.ShortMessage = append(s.Header.Bytes(), s.Data...)
			}
		}
		list[i] = p
	}
	return list
}

// dest reads a recipient: a number of the world, or a short code.
func (a *Adapter) dest(address string) (smpp.Address, string, error) {
	if n, err := phone.Parse(address, a.options.Region); err == nil {
		return smpp.Address{TON: smpp.TONInternational, NPI: smpp.NPIE164, Addr: n.E164[1:]}, n.E164, nil
	}
	if !digits(address) || len(address) < 3 || len(address) > 20 {
		return smpp.Address{}, "", fmt.Errorf("the recipient is %w", phone.ErrNumber)
	}
	ton := uint8(smpp.TONUnknown)
	if len(address) <= 7 {
		ton = smpp.TONNetwork
	}
	return smpp.Address{TON: ton, NPI: smpp.NPIE164, Addr: address}, address, nil
}

// source is what the customer sees as the sender.
func (a *Adapter) source(address string) smpp.Address {
	if a.options.Source != "" {
		address = a.options.Source
	}
	from := smpp.Address{Addr: address}
	switch {
	case strings.HasPrefix(address, "+") && digits(address[1:]):
		from = smpp.Address{TON: smpp.TONInternational, NPI: smpp.NPIE164, Addr: address[1:]}
	case !digits(address):
		from.TON = smpp.TONAlphanumeric
	case len(address) <= 7:
		from.TON, from.NPI = smpp.TONNetwork, smpp.NPIE164
	default:
		from.NPI = smpp.NPIE164
	}
	if len(from.Addr) > 20 {
		from.Addr = from.Addr[:20]
	}
	if a.options.SourceTON != nil {
		from.TON = *a.options.SourceTON
	}
	if a.options.SourceNPI != nil {
		from.NPI = *a.options.SourceNPI
	}
	return from
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsDigit(r) }) < 0
}
