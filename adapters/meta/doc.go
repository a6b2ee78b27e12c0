// Package meta is the way in and out for WhatsApp (Cloud API) and for Messenger: Meta calls a webhook, and is called over the Graph API. Calls are proven by
// X-Hub-Signature-256 over the raw body; one that is played again changes nothing, since every message has its own identity.
//
// A webhook belongs to an app, which may have several numbers or pages: the entry point whose address is the number's or page's id gets what is for it.
package meta
