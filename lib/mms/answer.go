package mms

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Namespace is that of MM7 in release 6, version 1.4, which every centre of the last twenty years reads; an answer repeats the asker's instead.
const Namespace = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-6-MM7-1-4"

// version is the MM7Version written where the asker named none.
const version = "6.8.0"

// Status codes (TS 23.140 clause 8.7.1.14).
const (
	StatusSuccess      = 1000
	StatusClientError  = 2000
	StatusNoSuchTo     = 2003 // address not found
	StatusRefused      = 2004 // multimedia content refused: too large, for one
	StatusCorrupt      = 2007 // message format corrupt
	StatusServerError  = 3000
	StatusService      = 4000
	StatusWho          = 4001 // improper identification
	StatusUnsupported  = 4003
	StatusServiceError = 4005
	StatusAway         = 4006 // service unavailable: try again
)

var statusTexts = map[int]string{
	StatusSuccess: "Success", StatusClientError: "Client error", StatusNoSuchTo: "Address Not Found", StatusRefused: "Multimedia Content Refused",
	StatusCorrupt: "Message Format Corrupt", StatusServerError: "Server Error", StatusService: "General service error", StatusWho: "Improper identification",
	StatusUnsupported: "Unsupported operation", StatusServiceError: "Service error", StatusAway: "Service unavailable",
}

// StatusText is the standard's own text for a status code.
func StatusText(code int) string { return statusTexts[code] }

// Response writes the answer to a request: DeliverRsp to a DeliverReq, DeliveryReportRsp and ReadReplyRsp to reports. serviceCode may be empty.
func Response(to *Message, code int) []byte {
	name := strings.TrimSuffix(string(to.Kind), "Req") + "Rsp"
	if !isXMLName(name) {
		name = string(DeliverRsp)
	}
	return envelope(to, fmt.Sprintf(`<%s xmlns="%s"><MM7Version>%s</MM7Version><Status><StatusCode>%d</StatusCode><StatusText>%s</StatusText></Status></%s>`,
		name, escape(namespaceFor(to)), escape(versionFor(to)), code, escape(StatusText(code)), name))
}

// FaultResponse writes a SOAP fault with the centre's own form of an error (RSErrorRsp). who is "Client" or "Server"; to may be nil.
func FaultResponse(to *Message, who string, code int, detail string) []byte {
	if to == nil {
		to = &Message{}
	}
	return envelope(to, fmt.Sprintf(`<env:Fault><faultcode>env:%s</faultcode><faultstring>%s</faultstring><detail><VASPErrorRsp xmlns="%s"><MM7Version>%s</MM7Version>`+
		`<Status><StatusCode>%d</StatusCode><StatusText>%s</StatusText><Details>%s</Details></Status></VASPErrorRsp></detail></env:Fault>`,
		who, escape(StatusText(code)), escape(namespaceFor(to)), escape(versionFor(to)), code, escape(StatusText(code)), escape(detail)))
}

func envelope(to *Message, body string) []byte {
	header := ""
	if to.Transaction != "" {
		header = fmt.Sprintf(`<env:Header><mm7:TransactionID xmlns:mm7="%s" env:mustUnderstand="1">%s</mm7:TransactionID></env:Header>`,
			escape(namespaceFor(to)), escape(to.Transaction))
	}
	return []byte(xml.Header + `<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">` + header + `<env:Body>` + body + `</env:Body></env:Envelope>` + "\n")
}

func namespaceFor(to *Message) string {
	if to.Namespace != "" && strings.Contains(to.Namespace, "23.140") || strings.Contains(to.Namespace, "MM7") {
		return to.Namespace
	}
	return Namespace
}

func versionFor(to *Message) string {
	if to.Version != "" && len(to.Version) < 20 {
		return to.Version
	}
	return version
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}

func isXMLName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return s != ""
}
