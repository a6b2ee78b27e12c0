package tnef

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// The properties that are read (MS-OXPROPS).
const (
	propSubject     = 0x0037
	propClass       = 0x001a
	propStart       = 0x0060
	propEnd         = 0x0061
	propBody        = 0x1000
	propRTF         = 0x1009
	propHTML        = 0x1013
	propDisplayName = 0x3001
	propFileData    = 0x3701
	propFileName    = 0x3704
	propFileMethod  = 0x3705
	propLongName    = 0x3707
	propMime        = 0x370e
	propContentID   = 0x3712
	propCodepage    = 0x3fde
)

const methodMessage = 5 // PR_ATTACH_METHOD: the attachment is a message

// The types of values (MS-OXCDATA section 2.11.1).
const (
	typeInt16   = 0x02
	typeInt32   = 0x03
	typeFloat   = 0x04
	typeDouble  = 0x05
	typeMoney   = 0x06
	typeAppTime = 0x07
	typeError   = 0x0a
	typeBool    = 0x0b
	typeObject  = 0x0d
	typeInt64   = 0x14
	typeString8 = 0x1e
	typeUnicode = 0x1f
	typeTime    = 0x40
	typeGUID    = 0x48
	typeBinary  = 0x102
	multiple    = 0x1000
)

// value is one property's first value.
type value struct {
	kind uint16
	data []byte
}

// properties reads a list of MAPI properties (MS-OXTNEF section 2.1.3.4).
func (r *reader) properties(b []byte, take func(id uint16, v value) error) error {
	c := cursor{b: b}
	count := c.u32()
	if c.bad || count > maxProps {
		return errProps
	}
	var damaged error
	for range count {
		kind, id := c.u16(), c.u16()
		if id >= 0x8000 {
			c.skipName()
		}
		data := c.values(kind)
		if c.bad {
			return errProps
		}
		if err := take(id, value{kind &^ multiple, data}); err != nil {
			damaged = err
		}
	}
	return damaged
}

func (r *reader) messageProperty(id uint16, v value) error {
	switch id {
	case propSubject:
		if s := r.string(v); s != "" {
			r.m.Subject = s
		}
	case propClass:
		r.m.Class = r.string(v)
	case propCodepage:
		if len(v.data) >= 4 {
			r.charset = charsetOf(binary.LittleEndian.Uint32(v.data))
		}
	case propBody:
		if s := r.string(v); s != "" {
			r.m.Text = s
		}
	case propHTML:
		r.m.HTML = r.string(v)
	case propStart:
		r.m.Start = fileTime(v.data)
	case propEnd:
		r.m.End = fileTime(v.data)
	case propRTF:
		source, err := decompress(v.data)
		text, html := FromRTF(source, r.decode)
		if r.m.HTML == "" {
			r.m.HTML = html
		}
		r.m.RTF = text
		return err
	}
	return nil
}

func (r *reader) fileProperty(id uint16, v value) error {
	switch p := r.pending(); id {
	case propLongName:
		p.longName = r.string(v)
	case propFileName:
		p.name = r.string(v)
	case propDisplayName:
		if p.name == "" {
			p.name = r.string(v)
		}
	case propMime:
		p.mime = r.string(v)
	case propContentID:
		p.cid = r.string(v)
	case propFileMethod:
		if len(v.data) >= 4 {
			p.method = binary.LittleEndian.Uint32(v.data)
		}
	case propFileData:
		p.object = v.data
	}
	return nil
}

// string decodes by the value's type; binary counts as text of the message's charset.
func (r *reader) string(v value) string {
	if v.kind == typeUnicode {
		units := make([]uint16, 0, len(v.data)/2)
		for i := 0; i+1 < len(v.data); i += 2 {
			u := binary.LittleEndian.Uint16(v.data[i:])
			if u == 0 {
				break
			}
			units = append(units, u)
		}
		return string(utf16.Decode(units))
	}
	return r.text(v.data[:min(len(v.data), MaxBody)])
}

// fileTime reads 100 ns since 1601.
func fileTime(b []byte) time.Time {
	if len(b) < 8 {
		return time.Time{}
	}
	n := int64(binary.LittleEndian.Uint64(b) / 10) // microseconds
	const before = 11644473600                     // seconds from 1601 to 1970
	return time.Unix(n/1e6-before, n%1e6*1000).UTC()
}

// cursor reads numbers; bad is set once it runs over the end.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

// padded takes n bytes and what fills them up to a multiple of four.
func (c *cursor) padded(n int) []byte {
	b := c.take(n)
	if fill := -n & 3; !c.bad && fill <= len(c.b) {
		c.b = c.b[fill:]
	}
	return b
}

func (c *cursor) u16() uint16 {
	b := c.take(2)
	if c.bad {
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}

func (c *cursor) u32() uint32 {
	b := c.take(4)
	if c.bad {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

// length reads a size that has to lie within what is left.
func (c *cursor) length() int {
	n := c.u32()
	if uint64(n) > uint64(len(c.b)) {
		c.bad = true
		return 0
	}
	return int(n)
}

// skipName leaves out the name of a property that has one: a GUID, and a number or a string.
func (c *cursor) skipName() {
	c.take(16)
	if kind := c.u32(); kind == 0 {
		c.take(4)
		return
	}
	c.padded(c.length())
}

// values reads all values of a property, and gives the first one.
func (c *cursor) values(kind uint16) (first []byte) {
	count := uint32(1)
	base := kind &^ multiple
	sized := base == typeString8 || base == typeUnicode || base == typeBinary || base == typeObject
	if kind&multiple != 0 || sized {
		count = c.u32()
	}
	if uint64(count) > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	for i := range count {
		var data []byte
		if sized {
			data = c.padded(c.length())
		} else {
			data = c.padded(width(base))
		}
		if c.bad {
			return nil
		}
		if i == 0 {
			first = data
		}
	}
	return first
}

// width is the size of a value of fixed length; unknown types end the reading.
func width(kind uint16) int {
	switch kind {
	case typeInt16, typeBool:
		return 2
	case typeInt32, typeFloat, typeError:
		return 4
	case typeDouble, typeMoney, typeAppTime, typeInt64, typeTime:
		return 8
	case typeGUID:
		return 16
	case 0, 1: // unspecified, null
		return 4
	}
	return -1
}
