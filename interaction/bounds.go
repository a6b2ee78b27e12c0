package interaction

import "time"

// Bounds are what the provider behind an entry point allows of an answer. Zero values bound nothing.
type Bounds struct {
	Characters int           // of its text
	Taken      int           // of them, by what the adapter puts in front: a mention
	Within     time.Duration // since the customer last wrote there
	Files      int           // that go with it; below zero: none
	FileBytes  int64         // of each
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

// linkBounds are the providers' own: Mastodon's default, the Bot API's sendMessage and files, the Graph API's messages, Twilio's body. A short message has no files.
var linkBounds = map[string]Bounds{
	"smpp":      {Files: -1},
	"kannel":    {Files: -1},
	"twilio":    {Characters: 1600, Files: -1},
	"mastodon":  {Characters: 500, Taken: 32, Files: 4, FileBytes: 16 << 20},
	"telegram":  {Characters: 4096, Files: 10, FileBytes: 50 << 20},
	"whatsapp":  {Characters: 4096, Within: 24 * time.Hour, Files: 10, FileBytes: 100 << 20},
	"messenger": {Characters: 2000, Within: 24 * time.Hour, Files: 10, FileBytes: 25 << 20},
}

// Refuses says which files do not go with an answer by an entry point; nil: all may.
func (b Bounds) Refuses(entryPoint string, files []File) error {
	switch {
	case len(files) > 0 && b.Files < 0:
		return Invalid("no_files", "attachments", "no files go by %s; take them out, or choose another entry point", entryPoint)
	case b.Files > 0 && len(files) > b.Files:
		return Invalid("too_many_files", "attachments", "are %d; an answer by %s may have %d", len(files), entryPoint, b.Files).With("limit", b.Files)
	}
	for _, f := range files {
		if b.FileBytes > 0 && f.Size > b.FileBytes {
			return Invalid("file_too_large", "attachments", "%s has %d bytes; by %s at most %d may go", f.Name, f.Size, entryPoint, b.FileBytes).With("limit", b.FileBytes)
		}
	}
	return nil
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
