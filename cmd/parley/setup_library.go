package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"parley/interaction"
	"parley/lib/files"
)

// readLibraryFiles reads the files that responses name, which lie beside the configuration file.
func readLibraryFiles(path string, responses []interaction.Answer, lines map[string]int) error {
	for n := range responses {
		for m := range responses[n].Attachments {
			a := &responses[n].Attachments[m]
			if a.File == "" {
				continue
			}
			place := &fileFault{file: path, line: lines["responses "+responses[n].Name], key: fmt.Sprintf("responses[%d].attachments[%d].file", n, m), value: a.File}
			at := a.File
			if !filepath.IsAbs(at) {
				at = filepath.Join(filepath.Dir(path), at)
			}
			data, err := os.ReadFile(at)
			switch {
			case err != nil:
				place.text = "cannot be read (" + reasonOf(err) + "); name a file beside the file that names it"
				return place
			case len(data) == 0 || len(data) > interaction.MaxLibraryFile:
				place.text = fmt.Sprintf("has %d bytes; name a file of 1 to %d", len(data), interaction.MaxLibraryFile)
				return place
			}
			sum := sha256.Sum256(data)
			a.Name = cmp.Or(a.Name, filepath.Base(a.File))
			a.SHA256, a.Data, a.Type = hex.EncodeToString(sum[:]), data, files.Type(a.Name, data)
		}
	}
	return nil
}
