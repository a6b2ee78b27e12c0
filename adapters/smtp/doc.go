// Package smtp takes mail in over SMTP and hands mail to a smart host.
//
// The Listener says 250 only after the inbox has committed the mail: the bytes
// go to memory, and beyond 256 KiB to a spool file that has no name, and from
// there into that one commit. There is no queue between the socket and the
// database. Whatever goes wrong before the commit is answered with "try later",
// and the sender's repeat makes no second interaction.
//
// The Sender holds the final dot back until the ledger has committed that the
// message is on its way. What it answers afterwards is what is known, and
// nothing more: a connection that breaks behind the dot gives unknown, and
// nobody repeats that blindly.
package smtp
