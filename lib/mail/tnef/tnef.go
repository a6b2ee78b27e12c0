// Package tnef reads what Outlook and Exchange put into winmail.dat: the
// Transport Neutral Encapsulation Format (MS-OXTNEF), with the body in
// compressed RTF (MS-OXRTFCP) that may hold HTML (MS-OXRTFEX).
//
// Read gives what could be read before the first damage, and says what was
// wrong. Nothing is copied but strings and what has to be decompressed, and
// everything is bounded: a stream cannot make more than it is long, except for
// the RTF, which is at most MaxBody.
//
// The files: tnef.go (attributes), props.go (MAPI properties), lzfu.go
// (decompression) and rtf.go (text and HTML of RTF).
package tnef

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits of one stream.
const (
	MaxBody  = 4 << 20 // bytes of a body after decompression
	maxFiles = 1000
	maxDepth = 5 // messages inside each other
	maxProps = 20000
)

// Signature is how every stream begins.
var Signature = []byte{0x78, 0x9f, 0x3e, 0x22}

// Message is what a stream holds.
type Message struct {
	Class   string // such as "IPM.Note" or "IPM.Microsoft Mail.Note"; may be empty
	Subject string
	Text    string // plain text, if the sender's program put one in
	HTML    string
	RTF     string // text of the RTF body, where it held no HTML
	Start   time.Time
	End     time.Time // of a meeting; zero otherwise
	Files   []File
}

// File is one attachment.
type File struct {
	Name      string // as it was given: check it before you make a path of it
	Type      string // media type; may be empty
	ContentID string
	Data      []byte   // a slice of the stream
	Message   *Message // set instead of Data's meaning where a message was attached
}

// Decode makes a string of bytes in the charset of that name, such as "windows-1252".
type Decode func(charset string, b []byte) string

var (
	errSignature = errors.New("it does not begin like TNEF")
	errCut       = errors.New("it is cut off")
	errChecksum  = errors.New("a checksum does not fit")
	errDepth     = fmt.Errorf("messages are nested deeper than %d", maxDepth)
	errFiles     = fmt.Errorf("it has more than %d attachments", maxFiles)
	errProps     = errors.New("its properties are damaged")
)

// Read reads a stream. The message is never nil; with an error it holds what stood before the damage.
func Read(b []byte, decode Decode) (*Message, error) {
	return read(b, decode, 0)
}

// The attributes that are read (MS-OXTNEF section 2.1.3.2).
const (
	attrSubject    = 0x8004
	attrClass      = 0x8008
	attrBody       = 0x800c
	attrFileData   = 0x800f
	attrFileTitle  = 0x8010
	attrDateStart  = 0x0006
	attrDateEnd    = 0x0007
	attrRenderData = 0x9002
	attrProps      = 0x9003
	attrFileProps  = 0x9005
	attrCodepage   = 0x9007
)

// reader is a stream while it is read.
type reader struct {
	m       *Message
	decode  Decode
	charset string
	file    *pending
	depth   int
}

// pending is an attachment while it is read.
type pending struct {
	title, longName, name, mime, cid string
	data, object                     []byte
	method                           uint32
}

func read(b []byte, decode Decode, depth int) (*Message, error) {
	r := &reader{m: &Message{}, decode: decode, charset: "windows-1252", depth: depth}
	if depth > maxDepth {
		return r.m, errDepth
	}
	if len(b) < 6 || string(b[:4]) != string(Signature) {
		return r.m, errSignature
	}
	err := r.attributes(b[6:])
	return r.m, errors.Join(err, r.endFile())
}

// attributes reads one attribute behind the other: level, name, type, length, data, checksum.
func (r *reader) attributes(b []byte) error {
	var damaged error
	for len(b) > 0 {
		if len(b) < 9 {
			return errors.Join(damaged, errCut)
		}
		name, size := int(binary.LittleEndian.Uint16(b[1:])), int(binary.LittleEndian.Uint32(b[5:]))
		b = b[9:]
		if size < 0 || size > len(b) {
			return errors.Join(damaged, errCut)
		}
		data := b[:size]
		b = b[size:]
		if len(b) >= 2 {
			if checksum(data) != binary.LittleEndian.Uint16(b) {
				damaged = errChecksum
			}
			b = b[2:]
		} else {
			b, damaged = nil, errCut
		}
		if err := r.attribute(name, data); err != nil {
			damaged = err
			if errors.Is(err, errFiles) {
				return err
			}
		}
	}
	return damaged
}

func checksum(b []byte) (sum uint16) {
	for _, c := range b {
		sum += uint16(c)
	}
	return sum
}

func (r *reader) attribute(name int, data []byte) error {
	switch name {
	case attrCodepage:
		if len(data) >= 4 {
			r.charset = charsetOf(binary.LittleEndian.Uint32(data))
		}
	case attrSubject:
		r.m.Subject = r.text(data)
	case attrClass:
		r.m.Class = r.text(data)
	case attrBody:
		r.m.Text = r.text(data)
	case attrDateStart:
		r.m.Start = date(data)
	case attrDateEnd:
		r.m.End = date(data)
	case attrProps:
		return r.properties(data, r.messageProperty)
	case attrRenderData: // the first attribute of each attachment
		if err := r.endFile(); err != nil {
			return err
		}
		r.file = &pending{}
	case attrFileTitle:
		r.pending().title = r.text(data)
	case attrFileData:
		r.pending().data = data
	case attrFileProps:
		r.pending()
		return r.properties(data, r.fileProperty)
	}
	return nil
}

func (r *reader) pending() *pending {
	if r.file == nil {
		r.file = &pending{}
	}
	return r.file
}

// endFile turns what was read of an attachment into a file.
func (r *reader) endFile() error {
	p := r.file
	r.file = nil
	if p == nil {
		return nil
	}
	if len(r.m.Files) >= maxFiles {
		return errFiles
	}
	f := File{Name: p.longName, Type: strings.ToLower(p.mime), ContentID: strings.Trim(p.cid, "<> "), Data: p.data}
	for _, name := range []string{p.title, p.name} {
		if f.Name == "" {
			f.Name = name
		}
	}
	if f.Data == nil {
		f.Data = p.object
	}
	var err error
	if inner := afterID(p.object); inner != nil && p.method == methodMessage {
		f.Message, err = read(inner, r.decode, r.depth+1)
		f.Data = inner
		if f.Name == "" {
			f.Name = f.Message.Subject
		}
	}
	r.m.Files = append(r.m.Files, f)
	return err
}

// afterID gives the stream behind the interface id that an embedded message begins with.
func afterID(b []byte) []byte {
	if len(b) >= 22 && string(b[16:20]) == string(Signature) {
		return b[16:]
	}
	if len(b) >= 6 && string(b[:4]) == string(Signature) {
		return b
	}
	return nil
}

// text decodes a string that ends at its first NUL.
func (r *reader) text(b []byte) string {
	s := r.decode(r.charset, untilNUL(b))
	return s
}

func untilNUL(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}

// date reads seven 16-bit numbers: year, month, day, hour, minute, second and weekday.
func date(b []byte) time.Time {
	if len(b) < 12 {
		return time.Time{}
	}
	n := func(i int) int { return int(binary.LittleEndian.Uint16(b[2*i:])) }
	return time.Date(n(0), time.Month(n(1)), n(2), n(3), n(4), n(5), 0, time.UTC)
}

// charsetOf names a Windows code page.
func charsetOf(codepage uint32) string {
	switch codepage {
	case 0, 1:
		return "windows-1252"
	case 65001:
		return "utf-8"
	case 1200:
		return "utf-16le"
	case 20127:
		return "us-ascii"
	case 20866:
		return "koi8-r"
	case 21866:
		return "koi8-u"
	case 50220, 50221, 50222:
		return "iso-2022-jp"
	case 51932, 20932:
		return "euc-jp"
	case 51949:
		return "euc-kr"
	case 52936:
		return "hz-gb-2312"
	case 54936:
		return "gb18030"
	case 10000:
		return "macintosh"
	}
	if codepage >= 1250 && codepage <= 1258 {
		return fmt.Sprintf("windows-%d", codepage)
	}
	if codepage >= 28591 && codepage <= 28605 {
		return fmt.Sprintf("iso-8859-%d", codepage-28590)
	}
	return fmt.Sprintf("cp%d", codepage)
}
