package mail

import (
	"strings"

	"parley/interaction"
	"parley/lib/mail/bounce"
)

// reportOf gives what a machine says of a message of ours; nil for all other mail.
func reportOf(m *Message, kind MachineKind) *interaction.Report {
	report := &interaction.Report{MessageID: m.Returned().MessageID}
	switch kind {
	case KindMDN:
		report.Recipients = []interaction.Reported{{Address: m.senderAddress(), What: interaction.ReportRead}}
		return report
	case KindAutoReply, KindAuto:
		if !isAutoAnswer(m) {
			return nil // its words alone make it one: people decide
		}
		report.MessageID = m.answers()
		report.Recipients = []interaction.Reported{{Address: m.senderAddress(), What: interaction.ReportAnswered}}
		return report
	case KindDSN, KindFeedback:
	default:
		return nil
	}
	for _, b := range m.Bounces() {
		one := interaction.Reported{Address: strings.ToLower(b.Recipient), Hard: b.Hard, Reason: string(b.Reason), Status: b.Status, What: interaction.ReportBounced}
		switch {
		case b.Reason == bounce.Vacation:
			continue
		case b.Reason == bounce.Feedback:
			one.What = interaction.ReportComplaint
		case b.Reason == bounce.Delivered || b.Action == "delivered" || b.Action == "relayed" || b.Action == "expanded":
			one.What, one.Hard = interaction.ReportDelivered, false
		case b.Action == "delayed":
			one.What, one.Hard = interaction.ReportDelayed, false
		}
		report.Recipients = append(report.Recipients, one)
	}
	if len(report.Recipients) == 0 {
		return nil
	}
	return report
}

// answers is the id of the message that this one answers, empty where it does not tell.
func (m *Message) answers() string {
	if len(m.InReplyTo) > 0 {
		return m.InReplyTo[0]
	}
	if n := len(m.References); n > 0 {
		return m.References[n-1]
	}
	return ""
}
