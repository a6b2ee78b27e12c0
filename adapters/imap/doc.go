// Package imap takes mail out of mailboxes (RFC 3501, RFC 9051).
//
// Mailbox works on one mailbox under the lease of its link. What it has taken is known by UIDs, never by the Unread flag, which belongs to
// people: a position of UIDVALIDITY and UID moves behind what the inbox has committed, and only while the lease is ours. After any outage it goes on where it
// was. A little behind the position it looks again each time, since servers make mails visible out of order; and when a server numbers its mails anew,
// all of them are read once more and the inbox knows those that it has.
package imap
