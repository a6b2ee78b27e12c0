package smpp

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"unicode"
)

// ParseHex reads octets in hex as people paste them: with blanks, line ends, colons, commas and 0x. The error says which character is none, and where.
func ParseHex(text string) ([]byte, error) {
	digits := make([]byte, 0, len(text))
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case r == '0' && i+1 < len(runes) && (runes[i+1] == 'x' || runes[i+1] == 'X'):
			i++
		case unicode.IsSpace(r) || r == ':' || r == ',':
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F':
			digits = append(digits, byte(r))
		default:
			return nil, fmt.Errorf("character %d is %q, which is no hex digit", i+1, r)
		}
	}
	if len(digits) == 0 {
		return nil, fmt.Errorf("there are no hex digits")
	}
	if len(digits)%2 != 0 {
		return nil, fmt.Errorf("there are %d hex digits: an octet has two", len(digits))
	}
	raw := make([]byte, len(digits)/2)
	if _, err := hex.Decode(raw, digits); err != nil {
		return nil, err
	}
	return raw, nil
}

// Cut parts octets into PDUs by their command_length. What is behind a length that cannot be right stays in one piece.
func Cut(raw []byte) [][]byte {
	var pieces [][]byte
	for len(raw) >= headerSize {
		size := binary.BigEndian.Uint32(raw)
		if size < headerSize || uint64(size) >= uint64(len(raw)) {
			break
		}
		pieces = append(pieces, raw[:size:size])
		raw = raw[size:]
	}
	if len(raw) > 0 {
		pieces = append(pieces, raw)
	}
	return pieces
}
