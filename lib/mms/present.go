package mms

import (
	"strings"
)

// present finds the presentation and connects its slides with the parts.
func (m *Message) present(rest []*entity) {
	if m.Layout = m.pickLayout(rest); m.Layout < 0 {
		return
	}
	slides, problems := ParseSMIL(m.Parts[m.Layout].Data)
	for _, p := range problems {
		note(&m.Problems, p)
	}
	for n := range m.Parts {
		if n != m.Layout && isSMIL(&m.Parts[n]) {
			note(&m.Problems, ProblemSecondSMIL)
		}
	}
	m.Slides = slides
	for s := range m.Slides {
		for i := range m.Slides[s].Items {
			m.connect(&m.Slides[s].Items[i], m.Slides[s].Number)
		}
	}
	m.guess()
}

// guess gives items whose source no part has the parts that are on no slide, kind by kind in order of arrival, and marks them: centres that rewrite
// names leave such messages behind, and a picture at its place is better than behind the last slide.
func (m *Message) guess() {
	for s := range m.Slides {
		for i := range m.Slides[s].Items {
			item := &m.Slides[s].Items[i]
			if ref := refer(item.Src); item.Part >= 0 || item.Src == "" || ref.external {
				continue
			}
			for n := range m.Parts {
				if p := &m.Parts[n]; n != m.Layout && len(p.Slides) == 0 && smilKind(p.Media()) == item.Kind {
					item.Part, item.Guess, p.Slides = n, true, []int{m.Slides[s].Number}
					break
				}
			}
		}
	}
}

// pickLayout finds the presentation: what the start of the inner multipart names, else the first part that is one.
func (m *Message) pickLayout(rest []*entity) int {
	for _, e := range rest {
		start := contentID(e.media.params["start"])
		if start == "" || len(e.parts) == 0 {
			continue
		}
		found := false
		for n := range m.Parts {
			if p := &m.Parts[n]; p.ContentID == start || p.ContentID == "" && p.Location == start {
				if found = true; isSMIL(p) {
					return n
				}
			}
		}
		if !found {
			note(&m.Problems, ProblemStart)
		}
	}
	for n := range m.Parts {
		if isSMIL(&m.Parts[n]) {
			return n
		}
	}
	return -1
}

func isSMIL(p *Part) bool {
	if p.Type == "application/smil" || p.Type == "application/smil+xml" || p.Sniffed == "application/smil" {
		return true
	}
	switch p.Type {
	case "text/xml", "application/xml", "application/octet-stream", "text/smil", "text/plain":
		return strings.EqualFold(lastOf(p.Name, "."), "smil") || strings.EqualFold(lastOf(p.Name, "."), "smi") || p.Type != "text/plain" && Sniff(p.Data) == "application/smil"
	}
	return false
}

func lastOf(s, sep string) string {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[i+len(sep):]
	}
	return ""
}

// connect finds the part that an item names: by content id, by location or name, and at last by the name without its ending, since some
// centres rewrite content ids. Nothing outside of the message is ever looked for.
func (m *Message) connect(item *Item, slide int) {
	ref := refer(item.Src)
	if item.Src == "" {
		return
	}
	if ref.external {
		note(&m.Problems, ProblemExternal)
		return
	}
	if ref.path {
		note(&m.Problems, ProblemPathLabel)
	}
	ways := []func(p *Part) bool{
		func(p *Part) bool { return p.ContentID == ref.id },
		func(p *Part) bool { return p.Location == ref.name || p.Name == ref.name },
		func(p *Part) bool {
			return strings.EqualFold(p.ContentID, ref.id) || strings.EqualFold(p.Location, ref.name) || strings.EqualFold(p.Name, ref.name)
		},
		func(p *Part) bool {
			return ref.stem != "" && (strings.EqualFold(stem(p.ContentID), ref.stem) || strings.EqualFold(stem(p.Location), ref.stem) || strings.EqualFold(stem(p.Name), ref.stem))
		},
	}
	for _, way := range ways {
		best := -1
		for n := range m.Parts {
			p := &m.Parts[n]
			if (p.ContentID == "" && p.Location == "" && p.Name == "") || !way(p) {
				continue
			}
			if n == m.Layout { // itself: only where nothing else fits
				if best < 0 {
					best = n
				}
				continue
			}
			if best < 0 || best == m.Layout || len(m.Parts[best].Slides) > 0 && len(p.Slides) == 0 { // of two with the same name, the one not shown yet
				best = n
			}
		}
		if best < 0 {
			continue
		}
		if best == m.Layout {
			note(&m.Problems, ProblemSelf)
			return
		}
		item.Part = best
		shown := m.Parts[best].Slides
		if len(shown) == 0 || shown[len(shown)-1] != slide {
			m.Parts[best].Slides = append(shown, slide)
		}
		return
	}
	note(&m.Problems, ProblemReference)
}

// Order is the order in which parts are shown: slide by slide, then what is on none as it arrived. The presentation itself is not among them.
func (m *Message) Order() []int {
	var order []int
	seen := make([]bool, len(m.Parts))
	for _, s := range m.Slides {
		for _, i := range s.Items {
			if i.Part >= 0 && !seen[i.Part] {
				seen[i.Part] = true
				order = append(order, i.Part)
			}
		}
	}
	for n := range m.Parts {
		if !seen[n] && n != m.Layout {
			order = append(order, n)
		}
	}
	return order
}

// Text is what the message says in words: its text parts in the order in which they are shown.
func (m *Message) Text() string {
	var texts []string
	for _, n := range m.Order() {
		if p := &m.Parts[n]; p.IsText && strings.TrimSpace(p.Text) != "" {
			texts = append(texts, strings.TrimRight(p.Text, " \n"))
		}
	}
	return strings.Join(texts, "\n\n")
}

// judge notes what is wrong with the whole.
func (m *Message) judge(href string) {
	seen := map[string]bool{}
	for n := range m.Parts {
		p := &m.Parts[n]
		for _, problem := range p.Problems {
			note(&m.Problems, problem)
		}
		if p.ContentID != "" && seen[p.ContentID] {
			note(&m.Problems, ProblemSameID)
		}
		seen[p.ContentID] = true
		if m.Layout >= 0 && len(m.Slides) > 0 && n != m.Layout && len(p.Slides) == 0 && !isSMIL(p) {
			note(&m.Problems, ProblemUnplaced)
		}
	}
	if m.Kind != DeliverReq {
		return
	}
	if m.Sender == (Address{}) {
		note(&m.Problems, ProblemNoSender)
	} else if m.Sender.Hidden {
		note(&m.Problems, ProblemHidden)
	}
	if len(m.Parts) == 0 {
		note(&m.Problems, ProblemNoContent)
	} else if m.Layout < 0 {
		note(&m.Problems, ProblemNoLayout)
	}
}
