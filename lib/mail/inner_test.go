package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/lib/mail/tnef"
)

// winmail makes a TNEF stream with a body and a file.
func winmail(body, name, content string) []byte {
	var b bytes.Buffer
	b.Write(append(bytes.Clone(tnef.Signature), 1, 0))
	for _, a := range []struct {
		name uint32
		data string
	}{{0x2800c, body + "\x00"}, {0x69002, "render"}, {0x18010, name + "\x00"}, {0x6800f, content}} {
		level := byte(2)
		if a.name == 0x2800c {
			level = 1
		}
		b.WriteByte(level)
		b.Write(binary.LittleEndian.AppendUint32(nil, a.name))
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(a.data))))
		b.WriteString(a.data)
		var sum uint16
		for _, c := range []byte(a.data) {
			sum += uint16(c)
		}
		b.Write(binary.LittleEndian.AppendUint16(nil, sum))
	}
	return b.Bytes()
}

// E-25: what is inside winmail.dat are attachments like all others.
func TestWinmail(t *testing.T) {
	stream := winmail("the body", `C:\temp\plan.doc`, "contents")
	raw := mailOf("Subject: x", "Content-Type: application/ms-tnef; name=winmail.dat", "Content-Transfer-Encoding: base64", "", base64.StdEncoding.EncodeToString(stream), "")
	for name, raw := range map[string][]byte{"in a mail": raw, "alone": stream} {
		m := Parse(raw)
		checkWhole(t, name, raw, m)
		require.Equal(t, "the body", m.Text, name)
		require.Equal(t, TextTNEF, m.TextFrom, name)
		require.Len(t, m.Attachments, 1, name)
		require.Equal(t, "plan.doc", m.Attachments[0].Name, name)
		require.Equal(t, "application/msword", typeOf("plan.doc", "application/msword"))
		require.EqualValues(t, 8, m.Attachments[0].Size, name)
	}
	beside := mailOf("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "the mail's own text", "--b", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", "",
		base64.StdEncoding.EncodeToString(stream), "--b--", "")
	m := Parse(beside)
	require.Equal(t, "the mail's own text", m.Text)
	require.Equal(t, "plan.doc", m.Attachments[0].Name)
	damaged := Parse(mailOf("Content-Type: application/ms-tnef; name=winmail.dat", "", string(stream[:12])))
	require.Equal(t, "winmail.dat", damaged.Attachments[0].Name)
	require.Contains(t, strings.Join(damaged.Problems, " "), "winmail.dat is damaged")
}

func TestUuencodedInText(t *testing.T) {
	raw := mailOf("From: a@b.test", "", "see this", "begin 644 note.txt", "%:&5L;&\\", "`", "end", "regards")
	m := Parse(raw)
	require.Equal(t, "see this\nregards", m.ReplyText)
	require.Len(t, m.Attachments, 1)
	require.Equal(t, "note.txt", m.Attachments[0].Name)
	data, err := Part(raw, m.Attachments[0].Part)
	require.NoError(t, err)
	require.Equal(t, "hello", string(data))
	require.Equal(t, sha256.Sum256([]byte("hello")), m.Attachments[0].SHA256)
	require.Empty(t, Parse(mailOf("", "begin 644 is how uuencode begins", "not a line of it", "end")).Attachments)
}

func TestPartAnswersForUnknownFile(t *testing.T) {
	raw := mailOf("From: a@b.test", "", "x")
	_, err := Part(raw, innerIndex(0, 3))
	require.ErrorIs(t, err, errNoInner)
}

func TestCalendarIsReadable(t *testing.T) {
	m := Parse(mailOf("Content-Type: text/calendar; method=REQUEST; charset=utf-8", "",
		"BEGIN:VCALENDAR", "METHOD:REQUEST", "BEGIN:VEVENT", `SUMMARY:Review\, second`, "DTSTART;TZID=Europe/Berlin:20260302T100000", "DTEND:20260302T110000Z", "LOCATION:Room 1,",
		" first floor", "ORGANIZER;CN=\"Ann: the boss\":mailto:ann@example.org", "BEGIN:VALARM", "DESCRIPTION:no", "END:VALARM", "END:VEVENT", "END:VCALENDAR", ""))
	require.Equal(t, TextCalendar, m.TextFrom)
	require.Equal(t, "Invitation (request)\nWhat: Review, second\nStart: 2026-03-02 10:00 (Europe/Berlin)\nEnd: 2026-03-02 11:00 UTC\nWhere: Room 1,first floor\nFrom: ann@example.org\n", m.Text)
	require.Len(t, m.Attachments, 1)
	require.Empty(t, calendarText("no calendar"))
}

// TestInlineImagesKeepTheirNames: what the HTML shows by cid is an attachment that says so, and its reference is kept.
func TestInlineImagesKeepTheirNames(t *testing.T) {
	raw := mailOf("From: a@b.test", "MIME-Version: 1.0", "Content-Type: multipart/related; boundary=r", "", "--r", "Content-Type: multipart/alternative; boundary=a", "",
		"--a", "Content-Type: text/plain", "", "A picture", "--a", "Content-Type: text/html", "", `<p>A picture <img src="cid:logo@b.test"></p>`, "--a--",
		"--r", "Content-Type: image/png; name=logo.png", "Content-ID: <logo@b.test>", "Content-Disposition: inline", "Content-Transfer-Encoding: base64", "", "iVBORw0KGgo=", "--r--", "")
	m := Parse(raw)
	require.Equal(t, "A picture", strings.TrimSpace(m.Text))
	require.Contains(t, m.HTML, `cid:logo@b.test`)
	require.Len(t, m.Attachments, 1)
	picture := m.Attachments[0]
	require.Equal(t, []any{"logo.png", "image/png", "logo@b.test", true}, []any{picture.Name, picture.Type, picture.ContentID, picture.Inline})
	data, err := Part(raw, picture.Part)
	require.NoError(t, err)
	require.Equal(t, "\x89PNG\r\n\x1a\n", string(data))
}

// TestSignedAndEncryptedPartsAreNamed: in the forms that programs send (RFC 3156, RFC 8551), beside the text where there is one.
func TestSignedAndEncryptedPartsAreNamed(t *testing.T) {
	signed := Parse(mailOf("Content-Type: multipart/signed; boundary=s; protocol=\"application/pkcs7-signature\"", "", "--s", "Content-Type: text/plain", "", "Hello", "--s",
		"Content-Type: application/pkcs7-signature; name=smime.p7s", "", "x", "--s--", ""))
	require.Equal(t, "Hello", strings.TrimSpace(signed.Text))
	require.Len(t, signed.Attachments, 1)
	encrypted := Parse(mailOf("Content-Type: multipart/encrypted; boundary=e; protocol=\"application/pgp-encrypted\"", "", "--e", "Content-Type: application/pgp-encrypted", "",
		"Version: 1", "--e", "Content-Type: application/octet-stream; name=encrypted.asc", "", "-----BEGIN PGP MESSAGE-----", "x", "-----END PGP MESSAGE-----", "--e--", ""))
	require.Contains(t, strings.Join(encrypted.Problems, " "), "encrypted with PGP")
	require.NotEmpty(t, encrypted.Attachments)
}

func TestProtectedMailIsNamed(t *testing.T) {
	for header, want := range map[string]string{
		"Content-Type: application/pkcs7-mime; smime-type=enveloped-data": "encrypted with S/MIME",
		"Content-Type: application/x-pkcs7-mime; smime-type=signed-data":  "signed with S/MIME",
		"Content-Type: text/plain":                                        "encrypted with PGP",
		"Content-Type: application/pgp-encrypted":                         "encrypted with PGP",
	} {
		m := Parse(mailOf(header, "", "-----BEGIN PGP MESSAGE-----", "x", "-----END PGP MESSAGE-----"))
		require.Contains(t, strings.Join(m.Problems, " "), want, header)
	}
}
