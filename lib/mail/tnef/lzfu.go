package tnef

import (
	"encoding/binary"
	"errors"
)

// dictionary is what the window holds at first (MS-OXRTFCP section 2.1.2.1).
const dictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

var errRTF = errors.New("its RTF body is damaged")

// decompress unpacks compressed RTF. With an error it gives what could be unpacked.
func decompress(b []byte) ([]byte, error) {
	if len(b) < 16 {
		return nil, errRTF
	}
	size := int(binary.LittleEndian.Uint32(b[4:]))
	switch string(b[8:12]) {
	case "MELA":
		raw := b[16:]
		return raw[:min(size, len(raw), MaxBody)], nil
	case "LZFu":
		return lzfu(b[16:], min(size, MaxBody))
	}
	return nil, errRTF
}

// lzfu unpacks runs of eight tokens: a byte, or a reference into a window of 4,096 bytes.
func lzfu(b []byte, size int) ([]byte, error) {
	var window [4096]byte
	at := copy(window[:], dictionary)
	out := make([]byte, 0, min(size, 8*len(b)))
	for len(b) > 0 {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8; bit++ {
			if flags>>bit&1 == 0 {
				if len(b) == 0 {
					return out, ended(out, size)
				}
				out = append(out, b[0])
				window[at] = b[0]
				at, b = (at+1)&4095, b[1:]
			} else {
				if len(b) < 2 {
					return out, ended(out, size)
				}
				token := int(b[0])<<8 | int(b[1])
				b = b[2:]
				from, n := token>>4, token&15+2
				if from == at {
					return out, ended(out, size)
				}
				for range n {
					c := window[from]
					out = append(out, c)
					window[at] = c
					from, at = (from+1)&4095, (at+1)&4095
				}
			}
			if len(out) > MaxBody {
				return out[:MaxBody], errRTF
			}
		}
	}
	return out, ended(out, size)
}

// ended says whether as much came out as was announced. Some programs announce a few bytes more.
func ended(out []byte, size int) error {
	if len(out)+16 < size {
		return errRTF
	}
	return nil
}
