package example

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"parley/interaction"
)

// Settings are those of a link: what a house needs to know to send by this protocol.
type Settings struct {
	Address string `json:"address"` // host:port of the peer
}

// CheckSettings tells what is wrong with a link's settings, naming the field. It is asked before a configuration is taken.
func CheckSettings(l interaction.Link) error {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		return interaction.Invalid("bad_setting", "address", "must be host:port of the peer")
	}
	return nil
}

// OpenLink gives what sends by a link.
func OpenLink(l interaction.Link, log *slog.Logger) (interaction.Sender, error) {
	var s Settings
	if err := l.Decode(&s); err != nil {
		return nil, fmt.Errorf("link %q: %w", l.Name, err)
	}
	return NewSender(s.Address, 30*time.Second, log)
}
