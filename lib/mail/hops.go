package mail

import "strings"

// Hops counts, in the beginning of a message, the servers that it went through
// (Received fields) and the loop marks of ours (LoopHeader fields). Both grow
// when a mail goes in circles (RFC 5321 section 6.3).
func Hops(head []byte) (received, loops int) {
	src, _ := clean(head)
	s := &splitter{src: src, levels: map[string][]int{}}
	for _, f := range s.open("text/plain", "").header {
		switch {
		case strings.EqualFold(f.name, "Received"):
			received++
		case strings.EqualFold(f.name, LoopHeader):
			loops++
		}
	}
	return received, loops
}
