package mms

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of XML that strangers send.
const (
	maxXML   = 2 << 20 // bytes
	maxNodes = 60_000
	maxDepth = 60
)

// node is an element without its namespaces: centres differ in them.
type node struct {
	name     string
	attrs    map[string]string
	text     string
	children []*node
}

var errTooLarge = errors.New("the XML is too large, too deep or has too many elements")

// readXML makes a tree of XML. Entities of a DOCTYPE are never expanded. What could be read before an error is given with it.
func readXML(b []byte) (*node, error) {
	if len(b) > maxXML {
		return nil, errTooLarge
	}
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	if big, ok := byteOrder(b); ok { // XML in UTF-16 without a mark, or with one
		b = fromUTF16(b, big)
	} else if bytes.HasPrefix(b, []byte{0xfe, 0xff}) || bytes.HasPrefix(b, []byte{0xff, 0xfe}) {
		b = fromUTF16(b[2:], b[0] == 0xfe)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if strings.HasPrefix(strings.ToLower(label), "utf-16") { // it was made UTF-8 above
			return in, nil
		}
		return charsetReader(label, in)
	}
	root, open, nodes := &node{}, []*node{}, 0
	open = append(open, root)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return first(root)
		}
		if err != nil {
			n, _ := first(root)
			return n, fmt.Errorf("not well-formed: %w", err)
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if nodes++; nodes > maxNodes || len(open) > maxDepth {
				n, _ := first(root)
				return n, errTooLarge
			}
			n := &node{name: t.Name.Local, attrs: map[string]string{}}
			for _, a := range t.Attr {
				n.attrs[strings.ToLower(a.Name.Local)] = a.Value
			}
			top.children = append(top.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if top != root {
				top.text += string(t)
			}
		}
	}
}

func first(root *node) (*node, error) {
	if len(root.children) == 0 {
		return nil, errors.New("there is no element")
	}
	return root.children[0], nil
}

// child gives the first child of one of the names, in any case; nil where there is none. It may be called on nil.
func (n *node) child(names ...string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		for _, name := range names {
			if strings.EqualFold(c.name, name) {
				return c
			}
		}
	}
	return nil
}

// value is the text of a child, on one line.
func (n *node) value(names ...string) string {
	c := n.child(names...)
	if c == nil {
		return ""
	}
	return shorten(readable(strings.Join(strings.Fields(c.text), " ")), 2000)
}

// find gives the first element of that name in the tree, itself included.
func (n *node) find(name string) *node {
	if n == nil {
		return nil
	}
	if strings.EqualFold(n.name, name) {
		return n
	}
	for _, c := range n.children {
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

// looksLikeXML reports whether bytes begin as an XML document does.
func looksLikeXML(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(b) > 1 && b[0] == '<' && (b[1] == '?' || b[1] == '!' || b[1] >= 'A' && b[1] <= 'Z' || b[1] >= 'a' && b[1] <= 'z' || b[1] == '_')
}
