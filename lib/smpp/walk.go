package smpp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// reader fills fields from octets. It stops at the first error; fields behind it stay empty.
type reader struct {
	raw []byte
	at  int
	err *Error
}

func (r *reader) fail(field string, at int, status Status, err error) {
	if r.err == nil {
		r.err = &Error{Field: field, Offset: at, Status: status, Err: err}
	}
}

func (r *reader) octet(name string, v *uint8) {
	if r.err != nil {
		return
	}
	if r.at >= len(r.raw) {
		r.fail(name, r.at, StatusInvalidLength, ErrShort)
		return
	}
	*v = r.raw[r.at]
	r.at++
}

func (r *reader) word(name string, v *uint32) {
	if r.err != nil {
		return
	}
	if r.at+4 > len(r.raw) {
		r.fail(name, r.at, StatusInvalidLength, ErrShort)
		return
	}
	*v = binary.BigEndian.Uint32(r.raw[r.at:])
	r.at += 4
}

func (r *reader) str(name string, v *string, limit int) {
	if r.err != nil {
		return
	}
	rest := r.raw[r.at:]
	end := bytes.IndexByte(rest[:min(limit, len(rest))], 0)
	switch {
	case end >= 0:
		*v = string(rest[:end])
		r.at += end + 1
	case len(rest) == 0:
		r.fail(name, r.at, fieldStatus(name), ErrShort)
	case len(rest) < limit:
		r.fail(name, r.at, fieldStatus(name), ErrNoEnd)
	default:
		r.fail(name, r.at, fieldStatus(name), fmt.Errorf("%w: at most %d octets with its closing zero", ErrTooLong, limit))
	}
}

func (r *reader) octets(name string, v *[]byte) {
	var size uint8
	at := r.at
	if r.octet("sm_length", &size); r.err != nil {
		return
	}
	if int(size) > len(r.raw)-r.at {
		r.fail(name, at, StatusInvalidLength, fmt.Errorf("%w: %d octets of %d", ErrLength, size, len(r.raw)-r.at))
		return
	}
	*v = r.raw[r.at : r.at+int(size) : r.at+int(size)]
	r.at += int(size)
}

func (r *reader) list(name string, _ int, each func(int, walker)) int {
	var n uint8
	r.octet("number_of_"+name, &n)
	for i := range int(n) {
		if r.err != nil {
			return i
		}
		each(i, r)
	}
	return int(n)
}

// tlvs reads what is behind the mandatory part. A tag that comes twice keeps its first place; see TLVs.Get.
func (r *reader) tlvs() TLVs {
	var list TLVs
	for r.at < len(r.raw) {
		rest := r.raw[r.at:]
		if len(rest) < 4 {
			r.fail("TLV", r.at, StatusInvalidTLV, fmt.Errorf("%w: %d octets are left, a tag and its length have 4", ErrTLV, len(rest)))
			return list
		}
		t := TLV{Tag: Tag(binary.BigEndian.Uint16(rest))}
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if size > len(rest)-4 {
			r.fail("TLV "+t.Tag.String(), r.at, StatusInvalidTLVLen, fmt.Errorf("%w: its length says %d octets, %d are left", ErrTLV, size, len(rest)-4))
			return list
		}
		t.Value = rest[4 : 4+size : 4+size]
		list = append(list, t)
		r.at += 4 + size
	}
	return list
}

// fieldStatus is what to answer when a string is not as it should be.
func fieldStatus(name string) Status {
	switch name {
	case "service_type":
		return StatusInvalidService
	case "source_addr":
		return StatusInvalidSource
	case "destination_addr", "dl_name":
		return StatusInvalidDest
	case "system_id":
		return StatusInvalidSystemID
	case "password":
		return StatusInvalidPassword
	case "message_id":
		return StatusInvalidID
	case "schedule_delivery_time":
		return StatusInvalidSchedule
	case "validity_period":
		return StatusInvalidExpiry
	}
	return StatusInvalidLength
}

// writer makes octets of fields.
type writer struct {
	out []byte
	err error
}

func (w *writer) octet(_ string, v *uint8) { w.out = append(w.out, *v) }

func (w *writer) word(_ string, v *uint32) { w.out = binary.BigEndian.AppendUint32(w.out, *v) }

func (w *writer) str(name string, v *string, limit int) {
	switch {
	case len(*v) >= limit:
		w.fail(name, fmt.Errorf("%w: %d octets, at most %d", ErrTooLong, len(*v), limit-1))
	case bytes.IndexByte([]byte(*v), 0) >= 0:
		w.fail(name, fmt.Errorf("a C-octet string cannot hold a zero"))
	}
	w.out = append(append(w.out, *v...), 0)
}

func (w *writer) octets(name string, v *[]byte) {
	if len(*v) > 255 {
		w.fail(name, fmt.Errorf("%w: %d octets, at most 255; message_payload holds more", ErrTooLong, len(*v)))
	}
	w.out = append(append(w.out, byte(len(*v))), *v...)
}

func (w *writer) list(name string, count int, each func(int, walker)) int {
	if count > 254 {
		w.fail(name, fmt.Errorf("%w: %d, at most 254", ErrTooLong, count))
	}
	w.out = append(w.out, byte(count))
	for i := range count {
		each(i, w)
	}
	return count
}

func (w *writer) tlv(t TLV) {
	if len(t.Value) > 0xffff {
		w.fail("TLV "+t.Tag.String(), fmt.Errorf("%w: %d octets", ErrTooLong, len(t.Value)))
		return
	}
	w.out = binary.BigEndian.AppendUint16(w.out, uint16(t.Tag))
	w.out = binary.BigEndian.AppendUint16(w.out, uint16(len(t.Value)))
	w.out = append(w.out, t.Value...)
}

func (w *writer) fail(field string, err error) {
	if w.err == nil {
		w.err = fmt.Errorf("%s: %w", field, err)
	}
}

// Field is one field of a body, for people and programs that look at a PDU: a number, a string, octets in hex, or a list of lists of fields.
type Field struct {
	Name  string
	Value any
}

// Fields gives the mandatory part in the order of the wire; octets come with their length before them.
func (p *PDU) Fields() []Field {
	if p.Body == nil {
		return nil
	}
	var f printer
	p.Body.walk(&f)
	return f.fields
}

type printer struct{ fields []Field }

func (f *printer) add(name string, value any)            { f.fields = append(f.fields, Field{name, value}) }
func (f *printer) octet(name string, v *uint8)           { f.add(name, int(*v)) }
func (f *printer) word(name string, v *uint32)           { f.add(name, int64(*v)) }
func (f *printer) str(name string, v *string, limit int) { f.add(name, *v) }

func (f *printer) octets(name string, v *[]byte) {
	f.add("sm_length", len(*v))
	f.add(name, hex.EncodeToString(*v))
}

func (f *printer) list(name string, count int, each func(int, walker)) int {
	list := make([][]Field, count)
	for i := range count {
		var one printer
		each(i, &one)
		list[i] = one.fields
	}
	f.add(name, list)
	return count
}
