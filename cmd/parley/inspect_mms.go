package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"parley/lib/mms"
)

type inspectMMSCommand struct {
	Files []string `arg:"" name:"file" help:"Files with an MM7 document each: with or without its HTTP header, or a bare SMIL; - reads standard input."`
}

// maxInspected bounds what is read of one file.
const maxInspected = 256 << 20

// Run prints one JSON object a file. What is wrong with a document stands in its problems; only a file that cannot be read fails the command.
func (c *inspectMMSCommand) Run() error { return inspectMMS(os.Stdout, c.Files) }

func inspectMMS(out io.Writer, files []string) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	lines.SetIndent("", "  ")
	for _, name := range files {
		raw, err := readAtMost(name)
		if err != nil {
			return err
		}
		if err := lines.Encode(struct {
			File string `json:"file"`
			mms.Inspection
		}{name, mms.Parse(raw).Inspect()}); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

func readAtMost(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, maxInspected))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxInspected))
}
