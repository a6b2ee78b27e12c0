// Package mastodon is the way in and out for accounts at servers with Mastodon's API (https://docs.joinmastodon.org, version 4): mentions and direct messages
// come in, answers go out as openly as what they answer.
//
// The stream only rings. What it tells can be lost, repeated or come out of order, so that mentions are always read from the list of notifications, by position and under the
// link's lease: after an outage of any length the list goes on where the last commit was. Edits and deletions have no list. The stream tells of most; for those it
// missed, the newest mentions are looked at again each time that it begins anew, and now and then.
package mastodon
