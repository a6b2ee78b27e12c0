package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// One object a file and a line, in order; a file that is not there costs neither the others nor its own line.
func TestInspectMail(t *testing.T) {
	folder := t.TempDir()
	person, report := filepath.Join(folder, "person.eml"), filepath.Join(folder, "report.eml")
	require.NoError(t, os.WriteFile(person, []byte("From: Ann <ann@example.org>\r\nSubject: Invoice\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\nWhere is it?\r\n"), 0o600))
	require.NoError(t, os.WriteFile(report, []byte(strings.Join([]string{
		"From: MAILER-DAEMON@mx.example.org", "Subject: Undelivered Mail Returned to Sender", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "",
		"--b", "", "This is the mail system.", "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.example.org", "",
		"Final-Recipient: rfc822; bob@example.com", "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 <bob@example.com>: User unknown", "",
		"--b", "Content-Type: text/rfc822-headers", "", "Message-ID: <7@ours.example>", "To: bob@example.com", "", "--b--", "",
	}, "\r\n")), 0o600))
	var out bytes.Buffer
	err := inspectMails([]string{person, "nowhere.eml", report, "-"}, strings.NewReader("From: c@example.org\n\nx"), &out, new(inspectMailCommand).check(t.Context()))
	require.ErrorContains(t, err, "1 of 4 files")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 4)
	require.JSONEq(t, `{"file":"`+person+`","from":[{"name":"Ann","address":"ann@example.org"}],"to":[],"cc":[],"reply_to":[],"subject":"Invoice","date":"2026-03-02T10:00:00+01:00",
		"message_id":"","in_reply_to":[],"references":[],"text":"Where is it?\n","text_from":"plain","html":"","reply_text":"Where is it?","attachments":[],
		"machine":{"is":false,"kind":"","reason":""},"bounces":[],"auth":{},"problems":[]}`, lines[0])
	require.Contains(t, lines[1], "no such file")
	var view inspectedMail
	require.NoError(t, json.Unmarshal([]byte(lines[2]), &view))
	require.Equal(t, []inspectedBounce{{"userunknown", true, "5.1.1", "550", "bob@example.com", "failed", "550 5.1.1 <bob@example.com>: User unknown"}}, view.Bounces)
	require.Equal(t, "7@ours.example", view.Returned.MessageID)
	require.Contains(t, lines[3], "c@example.org")
}
