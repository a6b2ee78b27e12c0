// Package phone reads telephone numbers as people, forms and carriers write them and gives them one spelling: E.164 (ITU-T), by which a person is known
// whatever channel he comes by. The rules of all countries are libphonenumber's.
package phone

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// ErrNumber says that a text is no telephone number.
var ErrNumber = errors.New("not a telephone number")

// Number is one number that can exist.
type Number struct {
	E164          string // "+4930901820"
	Region        string // ISO 3166-1 alpha-2 of its country; empty for numbers of no country
	National      string // as people of that country write it
	International string // as everybody writes it
	Mobile        bool   // it can be a mobile's, and so take messages
	Extension     string // behind the number, where one was written; E164 is without it
	Costly        bool   // who calls it pays more than for a call: premium rate, shared cost, personal numbers
}

// maxLength bounds what is looked at: no number is longer, however it is written.
const maxLength = 60

// Parse reads a number. One that does not begin with its country is read as one of region (ISO 3166-1 alpha-2); with no region it must begin with "+" or "00".
func Parse(text, region string) (Number, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxLength {
		return Number{}, fmt.Errorf("%w: it has %d characters", ErrNumber, len(text))
	}
	if region == "" && strings.HasPrefix(text, "00") {
		text = "+" + text[2:]
	}
	parsed, err := phonenumbers.Parse(text, region)
	if err != nil {
		return Number{}, fmt.Errorf("%w: %w", ErrNumber, err)
	}
	if !phonenumbers.IsValidNumber(parsed) {
		return Number{}, fmt.Errorf("%w: no country has such a number", ErrNumber)
	}
	kind := phonenumbers.GetNumberType(parsed)
	return Number{
		E164: phonenumbers.Format(parsed, phonenumbers.E164), Region: phonenumbers.GetRegionCodeForNumber(parsed),
		National: phonenumbers.Format(parsed, phonenumbers.NATIONAL), International: phonenumbers.Format(parsed, phonenumbers.INTERNATIONAL),
		Mobile:    kind == phonenumbers.MOBILE || kind == phonenumbers.FIXED_LINE_OR_MOBILE,
		Extension: parsed.GetExtension(),
		Costly:    kind == phonenumbers.PREMIUM_RATE || kind == phonenumbers.SHARED_COST || kind == phonenumbers.PERSONAL_NUMBER,
	}, nil
}
