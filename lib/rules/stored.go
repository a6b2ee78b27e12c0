package rules

import (
	"encoding/json"
	"fmt"
	"strings"

	"parley/interaction"
)

// AuthPrefix begins the names of attached data that say how a mail's authentication went: auth.spf, auth.dkim, auth.dmarc.
const AuthPrefix = "auth."

// CompileStored makes rules as they are kept ready. The error names each faulty rule and the position of its fault.
func CompileStored(stored []interaction.Rule) (*Set, error) {
	list := make([]Rule, len(stored))
	for i, r := range stored {
		if err := json.Unmarshal(r.Definition, &list[i]); err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.Name, err)
		}
		list[i].ID, list[i].Enabled = r.Name, r.Enabled
	}
	return Compile(list)
}

// InputOf is what rules see of a message in the language that it seems to be in.
func InputOf(m interaction.Material, language string) Input {
	in := Input{
		Subject: m.Message.Subject, Body: m.Message.Text, Sender: m.Message.From.Address, Language: language, EntryPoint: m.EntryPoint,
		Data: m.Data, Headers: map[string][]string{}, Auth: map[string]string{},
	}
	for _, list := range [][]interaction.Address{m.Message.To, m.Message.Cc} {
		for _, to := range list {
			in.Recipients = append(in.Recipients, to.Address)
		}
	}
	for _, h := range m.Message.Headers {
		in.Headers[h.Name] = append(in.Headers[h.Name], h.Value)
	}
	for _, f := range m.Message.Attachments {
		in.Attachments = append(in.Attachments, Attachment{Name: f.Name, Type: f.Type})
	}
	for method, result := range m.Message.Auth {
		in.Auth[method] = result
	}
	for key, value := range m.Data {
		if method, ok := strings.CutPrefix(key, AuthPrefix); ok {
			in.Auth[method] = value
		}
	}
	return in
}
