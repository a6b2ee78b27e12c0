package mail

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mail/bounce"
)

// TestReportsInsideNotices: some services pass a report on inside a text or a JSON object of their own; a person who quotes one makes no report.
func TestReportsInsideNotices(t *testing.T) {
	report := []string{
		"Return-Path: <>", "Received: from relay.example.net by mx.example.net; Mon, 2 Mar 2026 10:00:00 +0000", "From: MAILER-DAEMON@relay.example.net", "Subject: Undelivered Mail Returned to Sender",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=r", "", "--r", "", "The following is the error message.", "--r", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; relay.example.net", "", "Final-Recipient: rfc822; bob@example.org", "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 <bob@example.org>: User unknown in virtual mailbox table", "", "--r--",
	}
	notice := func(from, subject string, body ...string) []byte {
		return mailOf(append([]string{"From: " + from, "To: us@example.test", "Subject: " + subject, "Message-ID: <1@example.net>", ""}, body...)...)
	}
	passedOn := append([]string{"I'm sorry to have to inform you that the message returned", "below could not be delivered to one or more destinations.", ""}, report...)
	ses, err := json.Marshal(map[string]any{"notificationType": "Bounce", "bounce": map[string]any{
		"bounceType": "Permanent", "bounceSubType": "General",
		"bouncedRecipients": []any{map[string]any{"emailAddress": "bob@example.org", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}},
	}})
	require.NoError(t, err)
	sns, err := json.MarshalIndent(map[string]any{"Type": "Notification", "MessageId": "1", "Message": string(ses)}, "", "  ")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		raw  []byte
		want []bounce.Reason
	}{
		"a report in a notice":       {notice("MAILER-DAEMON@mail.example.net", "Undelivered Mail Returned to Sender", passedOn...), []bounce.Reason{bounce.UserUnknown}},
		"SES":                        {notice("no-reply@sns.amazonaws.com", "AWS Notification Message", string(ses)), []bounce.Reason{bounce.UserUnknown}},
		"SES in SNS":                 {notice("no-reply@sns.amazonaws.com", "AWS Notification Message", string(sns)), []bounce.Reason{bounce.UserUnknown}},
		"SNS with something else":    {notice("no-reply@sns.amazonaws.com", "AWS Notification Message", `{"Type":"Notification","Message":"\"notificationType\" is a field"}`), nil},
		"a person forwards a report": {notice("ann@example.org", "Fwd: Undelivered Mail Returned to Sender", append([]string{"Hello, what is this?", ""}, report...)...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []bounce.Reason
			for _, b := range Parse(c.raw).Bounces() {
				got = append(got, b.Reason)
				require.Equal(t, "bob@example.org", b.Recipient)
				require.True(t, b.Hard)
			}
			require.Equal(t, c.want, got)
		})
	}
}
