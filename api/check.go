package api

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"parley/interaction"
	"parley/lib/phone"
)

// Address is a name and an address on a channel.
type Address struct {
	Name    string `json:"name,omitempty" maxLength:"200"`
	Address string `json:"address" maxLength:"320"`
}

func addressView(a interaction.Address) Address { return Address{a.Name, a.Address} }

// checkAddress refuses what is no single mail address, or could break out of its header.
func checkAddress(field string, a Address) (interaction.Address, error) {
	parsed, err := mail.ParseAddress(a.Address)
	if err != nil || parsed.Name != "" || parsed.Address != a.Address || controls(a.Address) {
		return interaction.Address{}, interaction.Invalid("bad_address", field+".address", "is not a mail address")
	}
	if controls(a.Name) {
		return interaction.Address{}, interaction.Invalid("bad_name", field+".name", "contains control characters")
	}
	return interaction.Address{Name: a.Name, Address: a.Address}, nil
}

// checkRecipient reads a mail address, or a telephone number with its country's code, of which it gives the one spelling.
func checkRecipient(field string, a Address) (interaction.Address, error) {
	if !strings.HasPrefix(a.Address, "+") {
		return checkAddress(field, a)
	}
	n, err := phone.Parse(a.Address, "")
	if err != nil || controls(a.Name) {
		return interaction.Address{}, interaction.Invalid("bad_address", field+".address", "is no telephone number with its country's code")
	}
	return interaction.Address{Name: a.Name, Address: n.E164}, nil
}

func checkCopies(copies []Address) ([]interaction.Address, error) {
	out := make([]interaction.Address, 0, len(copies))
	for n, c := range copies {
		a, err := checkAddress(fmt.Sprintf("cc[%d]", n), c)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// checkLine refuses line breaks and other control characters where one line is meant: they would end a mail's header field.
func checkLine(field, s string) error {
	if controls(s) {
		return interaction.Invalid("bad_line", field, "is one line and contains a line break or another control character")
	}
	return nil
}

func controls(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }

// checkText asks for a text in one of its forms.
func checkText(text, html string) error {
	if strings.TrimSpace(text) == "" && strings.TrimSpace(html) == "" {
		return interaction.Invalid("required", "text", "is required, or html in its place")
	}
	return nil
}
