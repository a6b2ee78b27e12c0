// Package web holds what runs in browsers, embedded in the binary: the customer's chat widget and a page that shows it. It is plain
// JavaScript modules and style sheets, served as they were written, without their comments; nothing is built.
package web

import "embed"

//go:embed widget demo
var files embed.FS
