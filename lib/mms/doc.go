// Package mms reads and writes what a multimedia message centre and a value-added service say to each other over MM7 (3GPP TS 23.140
// clause 8.7 and annex K: SOAP 1.1 with attachments over HTTP POST), and the presentation (SMIL) that a multimedia message comes with.
//
// Reading never fails and never fetches: Parse takes the whole POST, with or without its HTTP header, keeps every part, and says in Problems
// what it had to work around. Centres differ in namespaces, prefixes, boundaries, content ids and in where the presentation stands; names are therefore
// matched without their namespace, and references by content id, location and name.
//
// Writing gives the answers to a centre (DeliverRsp, faults) and requests to it (SubmitReq).
package mms
