package interaction

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// ID names a row: a UUID in its 36-character form. Ids are made as version 7
// (RFC 9562 section 5.7), so they sort by the time they were made; tables that
// only grow are partitioned by month on that property.
type ID string

// NewID makes an id for this moment. Its 74 random bits come from the
// operating system, so an id cannot be guessed from another.
func NewID() ID { return newIDAt(time.Now()) }

func newIDAt(at time.Time) ID {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24: the process ends instead
	ms := uint64(at.UnixMilli())
	binary.BigEndian.PutUint16(b[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(ms))
	b[6] = 0x70 | b[6]&0x0f
	b[8] = 0x80 | b[8]&0x3f
	return format(b)
}

// ParseID reads an id in its 36-character form, in lower or upper case. Anything else is
// an invalid error naming the field.
func ParseID(field, s string) (ID, error) {
	b, ok := decode(s)
	if !ok {
		return "", Invalid("bad_id", field, "is not an id of the form 8-4-4-4-12 hexadecimal digits")
	}
	return format(b), nil
}

// Time is the moment the id was made, to the millisecond; zero for an id that is not of version 7.
func (id ID) Time() time.Time {
	b, ok := decode(string(id))
	if !ok || b[6]>>4 != 7 {
		return time.Time{}
	}
	ms := int64(binary.BigEndian.Uint16(b[0:]))<<32 | int64(binary.BigEndian.Uint32(b[2:]))
	return time.UnixMilli(ms).UTC()
}

// Derive makes the id that always belongs to this id and step: the same
// month, other bits. A step that runs again finds the row it made before.
func (id ID) Derive(step string) ID {
	b, ok := decode(string(id))
	if !ok {
		return ""
	}
	h := sha(string(id), step)
	copy(b[6:], h[:10])
	b[6] = 0x70 | b[6]&0x0f
	b[8] = 0x80 | b[8]&0x3f
	return format(b)
}

// Value hands the id to a database; the empty id is null.
func (id ID) Value() (driver.Value, error) {
	if id == "" {
		return nil, nil
	}
	return string(id), nil
}

// Scan takes the id from a database; null is the empty id.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ""
	case string:
		*id = ID(v)
	case []byte:
		*id = ID(v)
	default:
		return fmt.Errorf("cannot read an id from %T", src)
	}
	return nil
}

func format(b [16]byte) ID {
	var out [36]byte
	hex.Encode(out[0:], b[0:4])
	hex.Encode(out[9:], b[4:6])
	hex.Encode(out[14:], b[6:8])
	hex.Encode(out[19:], b[8:10])
	hex.Encode(out[24:], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return ID(out[:])
}

func decode(s string) (b [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return b, false
	}
	digits := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	_, err := hex.Decode(b[:], []byte(digits))
	return b, err == nil
}
