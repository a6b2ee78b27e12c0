package main

import (
	"parley/interaction"
	"parley/lib/phone"
)

// numbers has the store read telephone numbers by the rules of all countries.
type numbers struct{}

// Number reads one as it was written.
func (numbers) Number(text, region string) (interaction.PhoneNumber, error) {
	n, err := phone.Parse(text, region)
	return interaction.PhoneNumber{E164: n.E164, Extension: n.Extension, Region: n.Region, Costly: n.Costly}, err
}
