package mail

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"path"
	"regexp"
	"strings"

	"parley/lib/mail/tnef"
)

// Files that are not parts of their own but stand inside one, in winmail.dat or
// as uuencoded text, have the part's index and their own number above innerBits.
const (
	innerBits = 16
	maxInner  = 1000
)

func innerIndex(part, number int) int { return part | (number+1)<<innerBits }

// innerFile is a file inside a part.
type innerFile struct {
	name, typ, cid string
	data           []byte
	inline         bool
}

// innerFiles gives the files inside a part whose decoded bytes are data; the same bytes always give the same list.
func innerFiles(p *part, data []byte) []innerFile {
	switch {
	case isTNEF(p, data):
		m, _ := tnef.Read(data, decodeLabel)
		return tnefFiles(m)
	case isText(p):
		_, files := cutUU(data)
		return files
	}
	return nil
}

func decodeLabel(label string, b []byte) string {
	s, _ := decodeCharset(label, b)
	return s
}

// isTNEF knows winmail.dat by its first bytes: its type and name are often lost.
func isTNEF(p *part, data []byte) bool {
	return bytes.HasPrefix(data, tnef.Signature) && !isText(p)
}

// tnefFiles are all attachments of a stream. One of an attached message stands for it, and what is attached to that follows.
func tnefFiles(m *tnef.Message) (files []innerFile) {
	for _, f := range m.Files {
		if len(files) >= maxInner {
			break
		}
		if f.Message == nil {
			files = append(files, innerFile{name: f.Name, typ: typeOf(f.Name, f.Type), cid: f.ContentID, data: f.Data, inline: f.ContentID != ""})
			continue
		}
		if said := tnefText(f.Message); said != "" {
			files = append(files, innerFile{name: f.Name + ".txt", typ: "text/plain", data: []byte(said)})
		}
		files = append(files, tnefFiles(f.Message)...)
	}
	return files[:min(len(files), maxInner)]
}

// typeOf falls back on the name's ending.
func typeOf(name, declared string) string {
	if declared != "" {
		return declared
	}
	if typ, _, _ := strings.Cut(mime.TypeByExtension(strings.ToLower(path.Ext(name))), ";"); typ != "" {
		return typ
	}
	return "application/octet-stream"
}

// tnefText gives the body of a stream as text; a meeting begins with when it is.
func tnefText(m *tnef.Message) string {
	said := lines(m.Text)
	switch {
	case strings.TrimSpace(said) != "":
	case m.HTML != "":
		said = HTMLToText(m.HTML)
	default:
		said = m.RTF
	}
	if !m.Start.IsZero() && strings.Contains(strings.ToLower(m.Class), "schedule") {
		when := "Start: " + m.Start.Format("2006-01-02 15:04 MST") + "\n"
		if !m.End.IsZero() {
			when += "End: " + m.End.Format("2006-01-02 15:04 MST") + "\n"
		}
		said = when + "\n" + said
	}
	if strings.TrimSpace(said) == "" {
		return ""
	}
	return said
}

// winmail looks into a TNEF stream: its files are attachments like all others,
// and its body is the text where the mail has no other. It answers false where
// there are no files in it: then winmail.dat itself stays an attachment.
func (v *viewer) winmail(p *part, data []byte) bool {
	m, err := tnef.Read(data, decodeLabel)
	if err != nil {
		v.m.problem("winmail.dat is damaged: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	v.spare = append(v.spare, spareText{plain: tnefText(m), html: m.HTML, from: TextTNEF})
	files := tnefFiles(m)
	v.attachInner(p, files)
	if v.m.Subject == "" {
		v.m.Subject = oneLine(text(m.Subject))
	}
	return len(files) > 0
}

// attachInner notes files inside a part as attachments.
func (v *viewer) attachInner(p *part, files []innerFile) {
	for i, f := range files {
		v.m.Attachments = append(v.m.Attachments, Attachment{
			Part: innerIndex(p.index, i), Name: safeName(f.name), Type: oneLine(text(f.typ)), Size: int64(len(f.data)), SHA256: sha256.Sum256(f.data),
			Inline: f.inline, ContentID: oneLine(text(f.cid)),
		})
	}
}

// beginUU is the first line of uuencoded data (POSIX uuencode).
var beginUU = regexp.MustCompile(`(?m)^begin [0-7]{3,4} ([^\r\n]{1,250})\r?$`)

// cutUU takes complete uuencoded files out of a text.
func cutUU(data []byte) (rest []byte, files []innerFile) {
	if !bytes.Contains(data, []byte("begin ")) {
		return data, nil
	}
	rest = data
	for from := 0; len(files) < maxInner; {
		at := beginUU.FindSubmatchIndex(rest[from:])
		if at == nil {
			break
		}
		begin, name := from+at[0], string(rest[from+at[2]:from+at[3]])
		size, ok := sizeUU(rest[from+at[1]:])
		if !ok {
			from += at[1]
			continue
		}
		end := from + at[1] + size
		content, whole := decodeUU(rest[begin:end])
		if !whole {
			from += at[1]
			continue
		}
		files = append(files, innerFile{name: name, typ: typeOf(name, ""), data: content})
		rest = append(rest[:begin:begin], rest[end:]...)
		from = begin
	}
	return rest, files
}

// sizeUU measures uuencoded lines up to and including "end", and answers false where a line is none.
func sizeUU(b []byte) (int, bool) {
	size := 0
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		size, b = i+1, b[i+1:]
	}
	for seen := 0; len(b) > 0; seen++ {
		line, rest := cutLine(b)
		size += len(b) - len(rest)
		b = rest
		if string(line) == "end" {
			return size, seen > 0
		}
		if len(line) == 0 || len(line) > 90 || line[0] < ' ' || line[0] > '`' || len(line)-1 < (int(line[0]-' ')&63+2)/3*4-4 {
			return 0, false
		}
	}
	return 0, false
}

// errNoInner is what Part answers for the number of a file that the part does not hold.
var errNoInner = errors.New("the part holds no such file")

func innerData(p *part, data []byte, number int) ([]byte, error) {
	files := innerFiles(p, data)
	if number < 0 || number >= len(files) {
		return nil, fmt.Errorf("file %d of part %d: %w", number, p.index, errNoInner)
	}
	return files[number].data, nil
}
