// Package chat speaks with customers' browsers and agents' desks: WebSockets and, where networks forbid those, long polling. The
// protocol is docs/chat-protocol.md.
//
// A message is accepted when its acknowledgement is sent, and that is behind the commit: the writer (writer.go) gathers what waits, of all
// connections, into one transaction. Behind every commit the hub (hub.go) is told, and hands the messages to who listens; a listener that is
// behind reads by number from the store. Nothing waits for a slow reader: his buffer is bounded, and he is cut off and resumes by number.
// Typing and read notices are merged, never kept in order, and may be lost.
package chat
