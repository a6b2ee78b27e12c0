package interaction

import "time"

// Bounds are what the provider behind an entry point allows of an answer. Zero values bound nothing.
type Bounds struct {
	Characters int           // of its text
	Taken      int           // of them, by what the adapter puts in front: a mention
	Within     time.Duration // since the customer last wrote there
}

// LinkBounds gives the bounds of a link by its kind; a setting "max_characters" overrides the number of characters, for servers that allow more or less.
func LinkBounds(kind string, settings map[string]any) Bounds {
	b := linkBounds[kind]
	if n, ok := settings["max_characters"].(float64); ok && n > 0 {
		b.Characters = int(n)
	}
	b.Characters = max(b.Characters-b.Taken, 0)
	return b
}

// linkBounds are the providers' own: Mastodon's default, the Bot API's sendMessage, the Graph API's messages, Twilio's body.
var linkBounds = map[string]Bounds{
	"twilio":    {Characters: 1600},
	"mastodon":  {Characters: 500, Taken: 32},
	"telegram":  {Characters: 4096},
	"whatsapp":  {Characters: 4096, Within: 24 * time.Hour},
	"messenger": {Characters: 2000, Within: 24 * time.Hour},
}

// Way is one entry point by which the customer of an interaction can be answered: he wrote to it.
type Way struct {
	EntryPoint string
	Channel    Channel
	Heard      time.Time // when he last wrote there
	Bounds     Bounds
}

// Until is when an answer by this way is refused; zero: never.
func (w Way) Until() time.Time {
	if w.Bounds.Within == 0 {
		return time.Time{}
	}
	return w.Heard.Add(w.Bounds.Within)
}
