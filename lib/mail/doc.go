// Package mail reads and writes Internet mail (RFC 5322, MIME).
//
// Reading takes everything. Parse never fails and never panics: what cannot be
// understood becomes a line in Problems, and the text of the raw message takes
// the place of what was not found, so that a person can always see something.
// A message is split by an own scanner over the raw bytes, because that is
// where the limits have to hold: parts and depth are counted while splitting,
// before anything is decoded, every part is a slice of the raw message instead
// of a copy, and the time stays proportional to the size whatever the nesting.
//
// Writing is deterministic. Compose makes the same bytes from the same message,
// so that an attempt that is repeated after a crash sends what the first one
// would have sent. Nothing that a stranger wrote reaches a header unchecked:
// values are checked after decoding, and cleaned of line breaks and NUL.
//
// The files, top-down: message.go (what Parse gives), clean.go, tree.go and
// header.go (splitting), decode.go, charset.go and words.go (decoding),
// view.go (which part is the text), html.go, reply.go, machine.go; and for the
// way out compose.go, field.go and thread.go.
package mail
