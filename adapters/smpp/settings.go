// Package smpp is the way in and out for short messages over SMPP 3.4 links. A message is answered with deliver_sm_resp behind the commit only; while
// PostgreSQL is away the centre is told to come again (ESME_RX_T_APPN). A submit_sm whose answer was lost is unknown, never repeated blindly.
package smpp

import (
	"crypto/x509"
	"net"
	"slices"

	"parley/interaction"
	"parley/lib/smpp/sms"
)

// Kind is the links' kind.
const Kind = "smpp"

// Settings are a link's, as configuration names them.
type Settings struct {
	Address    string `json:"address"` // host:port of the message centre
	SystemID   string `json:"system_id"`
	SystemType string `json:"system_type,omitempty"`
	Separate   bool   `json:"separate,omitempty"` // a transmitter and a receiver instead of one transceiver
	TLS        bool   `json:"tls,omitempty"`
	TLSName    string `json:"tls_name,omitempty"` // that the certificate must have; default the address's host
	TLSCA      string `json:"tls_ca,omitempty"`   // certificates in PEM that are trusted instead of the system's

	Window         int     `json:"window,omitempty"`          // unanswered requests; default 10
	Rate           float64 `json:"rate,omitempty"`            // messages a second; default 10
	EnquireSeconds int     `json:"enquire_seconds,omitempty"` // of silence before a life sign is asked for; default 30
	AnswerSeconds  int     `json:"answer_seconds,omitempty"`  // that an answer may take; default 10

	Region      string `json:"region,omitempty"`     // ISO 3166-1 alpha-2: of numbers without a country's code
	Alphabet    string `json:"alphabet,omitempty"`   // what the centre takes data_coding 0 for: gsm7 (default), ascii, latin1, utf-8
	Long        string `json:"long,omitempty"`       // how long messages go: udh (default), udh16, sar, payload
	MaxParts    int    `json:"max_parts,omitempty"`  // that one message may take; default 10
	Source      string `json:"source,omitempty"`     // what messages come from; default the entry point's address
	SourceTON   *uint8 `json:"source_ton,omitempty"` // default by the form of the source
	SourceNPI   *uint8 `json:"source_npi,omitempty"`
	NoReceipts  bool   `json:"no_receipts,omitempty"` // ask for no delivery receipts
	ServiceType string `json:"service_type,omitempty"`
	CatchAll    bool   `json:"catch_all,omitempty"` // what comes for a number that no entry point has goes to the link's own
}

var (
	alphabets = []string{"", string(sms.GSM7), string(sms.ASCII), string(sms.Latin1), string(sms.UTF8)}
	ways      = []string{"", "udh", "udh16", "sar", "payload"}
)

// CheckSettings tells what is wrong with a link's settings.
func CheckSettings(l interaction.Link) error {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return err
	}
	return s.check()
}

func (s Settings) check() error {
	if host, port, err := net.SplitHostPort(s.Address); err != nil || host == "" || port == "" {
		return interaction.Invalid("bad_setting", "address", "must be host:port of the message centre")
	}
	for _, c := range []struct {
		bad   bool
		field string
		text  string
	}{
		{s.SystemID == "" || len(s.SystemID) > 15, "system_id", "must have 1 to 15 characters"},
		{len(s.SystemType) > 12, "system_type", "may have 12 characters"},
		{len(s.ServiceType) > 5, "service_type", "may have 5 characters"},
		{s.Window < 0 || s.Window > 1000, "window", "must be 1 to 1000"},
		{s.Rate < 0 || s.Rate > 10_000, "rate", "must be at most 10000 messages a second"},
		{s.EnquireSeconds < 0 || s.EnquireSeconds > 3600, "enquire_seconds", "must be 1 to 3600"},
		{s.AnswerSeconds < 0 || s.AnswerSeconds > 300, "answer_seconds", "must be 1 to 300"},
		{s.MaxParts < 0 || s.MaxParts > sms.MaxParts, "max_parts", "must be 1 to 64"},
		{len(s.Source) > 20, "source", "may have 20 characters"},
		{!slices.Contains(alphabets, s.Alphabet), "alphabet", "must be gsm7, ascii, latin1 or utf-8"},
		{!slices.Contains(ways, s.Long), "long", "must be udh, udh16, sar or payload"},
		{s.TLSCA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(s.TLSCA)), "tls_ca", "holds no certificate in PEM"},
		{len(s.Region) != 0 && len(s.Region) != 2, "region", "must be a country's code of two letters"},
	} {
		if c.bad {
			return interaction.Invalid("bad_setting", c.field, "%s", c.text)
		}
	}
	return nil
}
