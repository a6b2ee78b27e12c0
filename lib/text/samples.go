package text

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ReadSamples reads labelled texts from CSV (RFC 4180) with a header line that
// names the columns "text" and "category", in any order and among others. An
// error names the line.
func ReadSamples(r io.Reader) ([]Sample, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header line of the samples: %w", err)
	}
	text, category := slices.Index(header, "text"), slices.Index(header, "category")
	if text < 0 || category < 0 {
		return nil, fmt.Errorf("the samples' header line is %q, it must name the columns text and category", header)
	}
	var samples []Sample
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return samples, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading samples: %w", err)
		}
		if row[category] == "" {
			line, _ := rows.FieldPos(category)
			return nil, fmt.Errorf("reading samples: line %d has no category", line)
		}
		samples = append(samples, Sample{Text: row[text], Category: row[category]})
	}
}
