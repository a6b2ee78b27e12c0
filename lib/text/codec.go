package text

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// A stored model is: magic, version (uint16), length of the body (uint64), the
// body, SHA-256 of everything before it. All numbers are little-endian. The
// body, version 2: shape (4 × uint32), flags (uint32: 1, several categories), temperature, offset, limit and slope of the fit (float64 each),
// categories (uint32 count, each uint16 length and bytes), features (uint32 count, hashes
// uint64, then inverse document frequencies float32 and one more for unknown
// features), heads (uint32 count; each the width of a network's hidden layer or 0 (uint32), temperature and weight (float64), weights float32 row by
// row).
const (
	magic        = "PARLEYTX"
	modelVersion = 2
	headerBytes  = len(magic) + 2 + 8

	maxModelBytes    = 4 << 30
	maxCategories    = 10_000
	maxCategoryBytes = 512
)

// ErrBadModel is what every error of ReadModel is that comes from the bytes and
// not from the reader of them.
var ErrBadModel = errors.New("not a usable text model")

// WriteTo writes the model in the form that ReadModel reads.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	body := m.encode()
	head := append([]byte(magic), 0, 0)
	binary.LittleEndian.PutUint16(head[len(magic):], modelVersion)
	head = binary.LittleEndian.AppendUint64(head, uint64(len(body)))
	sum := sha256.New()
	sum.Write(head)
	sum.Write(body)
	var written int64
	for _, part := range [][]byte{head, body, sum.Sum(nil)} {
		n, err := w.Write(part)
		written += int64(n)
		if err != nil {
			return written, fmt.Errorf("writing a text model: %w", err)
		}
	}
	return written, nil
}

func (m *Model) encode() []byte {
	var b []byte
	put32 := func(n int) { b = binary.LittleEndian.AppendUint32(b, uint32(n)) }
	put64 := func(f float64) { b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f)) }
	flags := 0
	if m.several {
		flags |= flagSeveral
	}
	for _, n := range []int{m.shape.MaxBytes, m.shape.WordMax, m.shape.CharMin, m.shape.CharMax, flags} {
		put32(n)
	}
	for _, f := range []float64{m.temperature, m.offset, m.fits.limit, m.fits.slope} {
		put64(f)
	}
	put32(len(m.categories))
	for _, name := range m.categories {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
		b = append(b, name...)
	}
	put32(len(m.vocabulary.hashes))
	for _, h := range m.vocabulary.hashes {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	b = appendFloats(b, m.vocabulary.idf)
	b = appendFloats(b, []float32{m.vocabulary.unknown})
	put32(len(m.heads))
	for _, h := range m.heads {
		if h.second == nil {
			put32(0)
		} else {
			put32(h.width)
		}
		put64(h.temperature)
		put64(h.weight)
		b = appendFloats(b, h.first)
		b = appendFloats(b, h.second)
	}
	return b
}

const flagSeveral = 1

func appendFloats(b []byte, values []float32) []byte {
	b = slices.Grow(b, 4*len(values))
	for _, value := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(value))
	}
	return b
}

// ReadModel reads what WriteTo wrote. Bytes that are cut short, changed or of
// another version are refused with an error that is ErrBadModel; memory grows
// with the bytes that are there, not with what they claim.
func ReadModel(r io.Reader) (*Model, error) {
	head := make([]byte, headerBytes)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, endedEarly(err)
	}
	if string(head[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrBadModel, magic)
	}
	version := binary.LittleEndian.Uint16(head[len(magic):])
	if version != modelVersion {
		return nil, fmt.Errorf("%w: its version is %d, this program reads version %d; train it again", ErrBadModel, version, modelVersion)
	}
	length := binary.LittleEndian.Uint64(head[len(magic)+2:])
	if length > maxModelBytes {
		return nil, fmt.Errorf("%w: it claims %d bytes, the limit is %d", ErrBadModel, length, int64(maxModelBytes))
	}
	var rest bytes.Buffer
	if _, err := io.CopyN(&rest, r, int64(length)+sha256.Size); err != nil {
		return nil, endedEarly(err)
	}
	body := rest.Bytes()[:length]
	sum := sha256.New()
	sum.Write(head)
	sum.Write(body)
	if !bytes.Equal(sum.Sum(nil), rest.Bytes()[length:]) {
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrBadModel)
	}
	m, err := decode(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadModel, err)
	}
	return m, nil
}

func endedEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut short", ErrBadModel)
	}
	return fmt.Errorf("reading a text model: %w", err)
}

// decode reads a body and checks everything that Classify relies on.
func decode(body []byte) (*Model, error) {
	in := input{rest: body}
	m := &Model{shape: shape{MaxBytes: in.count(), WordMax: in.count(), CharMin: in.count(), CharMax: in.count()}}
	flags := in.count()
	m.several = flags&flagSeveral != 0
	m.temperature, m.offset, m.fits.limit, m.fits.slope = in.float64(), in.float64(), in.float64(), in.float64()
	categories := in.count()
	if categories > maxCategories {
		return nil, fmt.Errorf("it names %d categories, the limit is %d", categories, maxCategories)
	}
	for range categories {
		m.categories = append(m.categories, string(in.take(int(in.uint16()))))
	}
	features := in.count()
	hashes := in.take(8 * features)
	idf := in.floats(features + 1)
	heads := in.count()
	if heads < 1 || heads > maxHeads {
		return nil, fmt.Errorf("it has %d heads, want 1 to %d", heads, maxHeads)
	}
	for range heads {
		m.heads = append(m.heads, in.head(features, categories))
	}
	if in.short || len(in.rest) > 0 || flags&^flagSeveral != 0 {
		return nil, errors.New("its length does not fit its counts")
	}
	if err := m.shape.validate(); err != nil {
		return nil, err
	}
	if err := m.checkNumbers(); err != nil {
		return nil, err
	}
	if len(m.categories) < 2 || !ascending(m.categories) || m.categories[0] == "" {
		return nil, errors.New("its categories are fewer than two, not named or not in order")
	}
	if !finite(idf) {
		return nil, errors.New("it holds numbers that are not finite")
	}
	numbers := make([]uint64, features)
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint64(hashes[8*i:])
	}
	m.vocabulary = newVocabulary(numbers, idf[:features], idf[features])
	return m.init(), nil
}

// head reads one head for so many features and categories.
func (in *input) head(features, categories int) head {
	h := head{layers: &layers{width: in.count()}}
	h.temperature, h.weight = in.float64(), in.float64()
	if h.width == 0 {
		h.width = categories
		h.first = in.floats((features + 1) * categories)
		return h
	}
	if h.width > maxUnits {
		in.short = true
		return h
	}
	h.first = in.floats((features + 1) * h.width)
	h.second = in.floats((h.width + 1) * categories)
	return h
}

// checkNumbers refuses what training cannot give.
func (m *Model) checkNumbers() error {
	temperatures := []float64{m.temperature}
	for _, h := range m.heads {
		temperatures = append(temperatures, h.temperature)
		if !finite(h.first) || !finite(h.second) || !(h.weight >= 0 && h.weight <= 1) {
			return errors.New("it holds numbers that are not finite")
		}
	}
	for _, t := range temperatures {
		if !(t >= minTemperature && t <= maxTemperature) {
			return fmt.Errorf("its temperature is %v", t)
		}
	}
	if !(math.Abs(m.offset) <= maxOffset && math.Abs(m.fits.limit) < 1e9 && m.fits.slope > 0 && m.fits.slope <= 1e3) {
		return errors.New("its limits are out of bounds")
	}
	return nil
}

// ascending is true when each name is above the one before.
func ascending(names []string) bool {
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			return false
		}
	}
	return true
}

// finite is true when every value is a number that training can give.
func finite(values []float32) bool {
	for _, value := range values {
		if !(value > -1e6 && value < 1e6) {
			return false
		}
	}
	return true
}

// input takes numbers off a slice; once it is short it gives zeros.
type input struct {
	rest  []byte
	short bool
}

func (in *input) take(n int) []byte {
	if in.short || n < 0 || n > len(in.rest) {
		in.short = true
		return nil
	}
	taken := in.rest[:n]
	in.rest = in.rest[n:]
	return taken
}

func (in *input) uint16() uint16 {
	if b := in.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (in *input) uint64() uint64 {
	if b := in.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (in *input) float64() float64 { return math.Float64frombits(in.uint64()) }

func (in *input) count() int {
	if b := in.take(4); b != nil {
		return int(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (in *input) floats(n int) []float32 {
	if n > math.MaxInt32 {
		in.short = true
		return nil
	}
	b := in.take(4 * n)
	if b == nil {
		return nil
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return values
}
