package mms

import (
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Slide is one page of a presentation: what is shown together.
type Slide struct {
	Number   int    `json:"number"`                // from 1
	Duration int    `json:"duration_ms,omitempty"` // 0: until the reader goes on
	Items    []Item `json:"items"`
}

// Item is one medium on a slide.
type Item struct {
	Kind   string `json:"kind"`              // text, img, audio, video or ref, as the presentation says
	Src    string `json:"src"`               // what it refers to, as it stands there
	Part   int    `json:"part"`              // index of the part in Message.Parts; -1 where there is none
	Guess  bool   `json:"guessed,omitempty"` // no part has that name; this one of the same kind is on no slide
	Region string `json:"region,omitempty"`
	Alt    string `json:"alt,omitempty"`
	Begin  int    `json:"begin_ms,omitempty"`
	End    int    `json:"end_ms,omitempty"`
}

// Limits of a presentation. What is behind them is cut off, and Problems says so.
const (
	maxSlides = 500
	maxItems  = 2000
)

// Problems of a presentation.
const (
	ProblemSMIL       = "smil_not_well_formed"  // shown without layout
	ProblemSlides     = "smil_over_500_slides"  // the first ones are shown
	ProblemItems      = "smil_over_2000_items"  // the first ones are shown
	ProblemSelf       = "smil_refers_to_itself" // not followed
	ProblemCircle     = "smil_timing_in_circle" // shown in the order of the text
	ProblemExternal   = "smil_names_external"   // a source outside of the message: never fetched
	ProblemReference  = "smil_names_missing"    // a source that no part has
	ProblemPathLabel  = "smil_names_path"       // a source with a path: only its last element is looked for
	ProblemSecondSMIL = "second_smil_ignored"
)

// reader of one presentation.
type smilReader struct {
	slides   []Slide
	items    int
	problems *[]string
	begins   map[string]string // id of an element: the id whose end or begin starts it
	full     bool
}

// ParseSMIL reads a presentation (OMA MMS conformance document, chapter 8; SMIL 2.0 basic): each par of the body is a slide, in the order of the text.
// Media outside of a par are slides of their own. Parts are not known here: every Item.Part is -1.
func ParseSMIL(b []byte) (slides []Slide, problems []string) {
	root, err := readXML(b)
	if err != nil {
		note(&problems, ProblemSMIL)
	}
	r := &smilReader{problems: &problems, begins: map[string]string{}}
	smil := root.find("smil")
	if smil == nil {
		if err == nil {
			note(&problems, ProblemSMIL)
		}
		return nil, problems
	}
	if err != nil { // what stands before the fault might be half of a slide
		return nil, problems
	}
	r.sequence(smil.child("body"))
	if r.circle() {
		note(&problems, ProblemCircle)
	}
	return r.slides, problems
}

// sequence reads what is shown one after the other.
func (r *smilReader) sequence(n *node) {
	if n == nil {
		return
	}
	for _, c := range n.children {
		r.timing(c)
		switch strings.ToLower(c.name) {
		case "par":
			slide := Slide{Duration: clockValue(c.attrs["dur"])}
			r.together(c, &slide)
			r.add(slide)
		case "seq", "excl", "switch", "a", "body":
			r.sequence(c)
		default:
			if item, ok := r.item(c); ok {
				r.add(Slide{Duration: clockValue(c.attrs["dur"]), Items: []Item{item}})
			}
		}
		if r.full {
			return
		}
	}
}

// together reads what is shown at the same time; what is nested in it, too.
func (r *smilReader) together(n *node, slide *Slide) {
	for _, c := range n.children {
		r.timing(c)
		switch strings.ToLower(c.name) {
		case "par", "seq", "excl", "switch", "a":
			r.together(c, slide)
		default:
			if item, ok := r.item(c); ok {
				slide.Items = append(slide.Items, item)
			}
		}
	}
}

func (r *smilReader) add(s Slide) {
	if len(r.slides) == maxSlides {
		r.full = true
		note(r.problems, ProblemSlides)
		return
	}
	s.Number = len(r.slides) + 1
	if s.Items == nil {
		s.Items = []Item{}
	}
	r.slides = append(r.slides, s)
}

func (r *smilReader) item(n *node) (Item, bool) {
	kind := strings.ToLower(n.name)
	switch kind {
	case "text", "img", "audio", "video", "ref", "animation", "textstream":
	case "image":
		kind = "img"
	default:
		return Item{}, false
	}
	if r.items++; r.items > maxItems {
		note(r.problems, ProblemItems)
		r.full = true
		return Item{}, false
	}
	return Item{
		Kind: kind, Src: shorten(readable(n.attrs["src"]), 500), Part: -1, Region: shorten(readable(n.attrs["region"]), 100), Alt: shorten(readable(n.attrs["alt"]), 500),
		Begin: clockValue(n.attrs["begin"]), End: clockValue(n.attrs["end"]),
	}, true
}

// timing remembers which element waits for which.
func (r *smilReader) timing(n *node) {
	id := n.attrs["id"]
	for _, moment := range []string{".end", ".begin"} {
		if of, _, ok := strings.Cut(n.attrs["begin"], moment); ok && id != "" && len(r.begins) < maxItems {
			r.begins[id] = strings.TrimSpace(of)
		}
	}
}

// circle reports whether elements wait for each other for ever.
func (r *smilReader) circle() bool {
	for id := range r.begins {
		at := id
		for range len(r.begins) + 1 {
			next, ok := r.begins[at]
			if !ok {
				break
			}
			if at = next; at == id {
				return true
			}
		}
	}
	return false
}

// clockValue reads a SMIL clock value in milliseconds: 5000ms, 5s, 2.5s, 1min, 0:05, 00:00:05, or bare seconds. What is none is 0.
func clockValue(s string) int {
	s = strings.ToLower(strings.TrimSpace(s))
	const most = 24 * 3600 * 1000
	total := 0.0
	if strings.Contains(s, ":") {
		for piece := range strings.SplitSeq(s, ":") {
			v, err := strconv.ParseFloat(piece, 64)
			if err != nil {
				return 0
			}
			total = total*60 + v
		}
		total *= 1000
	} else {
		unit := 1000.0
		for _, u := range []struct {
			suffix string
			ms     float64
		}{{"ms", 1}, {"min", 60_000}, {"h", 3_600_000}, {"s", 1000}} {
			if rest, ok := strings.CutSuffix(s, u.suffix); ok {
				s, unit = strings.TrimSpace(rest), u.ms
				break
			}
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0
		}
		total = v * unit
	}
	if !(total > 0) {
		return 0
	}
	return int(min(total, most))
}

// reference is what the source of an item says, taken apart: how it may be looked for, never how to fetch it.
type reference struct {
	id, name, stem string
	external, path bool
}

func refer(src string) reference {
	s := strings.TrimSpace(src)
	if rest, ok := cutFold(s, "cid:"); ok {
		id := strings.Trim(unescape(strings.TrimSpace(rest)), "<> ")
		return reference{id: id, name: path.Base(id), stem: stem(id)}
	}
	if u, err := url.Parse(s); err == nil && u.Scheme != "" || strings.HasPrefix(s, "//") {
		return reference{external: true}
	}
	s = strings.ReplaceAll(unescape(s), `\`, "/")
	r := reference{id: strings.Trim(s, "<> "), path: strings.Contains(s, "/")}
	r.name = path.Base(r.id)
	r.stem = stem(r.name)
	return r
}

func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// note adds a problem once.
func note(problems *[]string, problem string) {
	for _, p := range *problems {
		if p == problem {
			return
		}
	}
	if len(*problems) < 50 {
		*problems = append(*problems, problem)
	}
}
