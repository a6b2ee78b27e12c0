package modelreport

import (
	"strconv"

	"parley/lib/text"
)

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }

func threshold(confidence float64) string {
	if confidence >= text.Never {
		return "never"
	}
	return strconv.FormatFloat(confidence, 'f', 2, 64)
}

func step(first bool, x, y float64) string {
	command := "L"
	if first {
		command = "M"
	}
	return command + strconv.FormatFloat(x, 'f', 2, 64) + " " + strconv.FormatFloat(y, 'f', 2, 64) + " "
}
