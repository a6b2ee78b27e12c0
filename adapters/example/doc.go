// Package example is a channel adapter small enough to be copied. It speaks a
// toy protocol of lines over TCP, in both directions:
//
//	TO <address>      whom it is for
//	ID <id>           the sender's own name for the message
//	any lines         the text; a leading dot is doubled
//	.                 the end
//
// The answer is "OK <id>", "LATER" or "NO". What a real adapter must get right
// is all here: OK only after the inbox has committed, a deadline for whoever may
// hang, a limit for whatever a stranger may send, an order to stop that is
// obeyed; and on the way out, commit immediately before the line that cannot be
// taken back, and an honest "unknown" when no answer comes behind it.
//
// To make an adapter of it: copy the folder, replace the reading and writing of
// lines by your protocol, keep the tests (they run the suite that every adapter
// passes), and add one line where cmd/parley joins the parts.
package example
