package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"parley/lib/smpp"
	"parley/lib/smpp/sms"
)

type inspectSMPPCommand struct {
	Hex      []string `arg:"" optional:"" help:"PDUs in hex, blanks and line ends do not matter; - or nothing reads them from standard input."`
	Standard string   `default:"gsm7" enum:"gsm7,ascii,latin1,utf-8,ucs2" help:"What the carrier takes data_coding 0 for: gsm7, ascii, latin1, utf-8 or ucs2."`
}

// Run prints each PDU as one JSON object. A broken PDU is printed as far as it can be read, and makes the command fail.
func (c *inspectSMPPCommand) Run() error {
	text := strings.Join(c.Hex, " ")
	if text == "" || text == "-" {
		all, err := io.ReadAll(io.LimitReader(os.Stdin, 64<<20))
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		text = string(all)
	}
	return inspectSMPP(os.Stdout, text, sms.Alphabet(c.Standard))
}

func inspectSMPP(out io.Writer, text string, standard sms.Alphabet) error {
	raw, err := smpp.ParseHex(text)
	if err != nil {
		return fmt.Errorf("the hex cannot be read: %w", err)
	}
	print := json.NewEncoder(out)
	print.SetEscapeHTML(false)
	print.SetIndent("", "  ")
	var broken []string
	at := 0
	for n, piece := range smpp.Cut(raw) {
		view, err := smpp.Look(piece, standard)
		if err != nil {
			broken = append(broken, fmt.Sprintf("PDU %d, which begins at octet %d: %v", n+1, at, err))
		}
		if err := print.Encode(view); err != nil {
			return err
		}
		at += len(piece)
	}
	if len(broken) > 0 {
		return fmt.Errorf("%s", strings.Join(broken, "\n"))
	}
	return nil
}
