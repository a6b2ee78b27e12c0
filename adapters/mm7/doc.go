// Package mm7 is the channel adapter of multimedia messages: a message centre posts to us (DeliverReq and reports, 3GPP TS 23.140 clause 8.7), and we
// post answers to it (SubmitReq). What the documents mean is lib/mms's business; this package says yes at the right moment.
//
// A DeliverReq is answered with success behind the inbox's commit and at no other place. Everything else is a SOAP fault in the centre's own namespace with the HTTP
// status of its kind: 400 for what cannot be read or broke off, 401 without the right password, 404 for recipients that are not ours, 413 beyond the limit,
// 503 where a part of ours is away, so that the centre keeps the message and posts again. The same message posted again is one.
package mm7
