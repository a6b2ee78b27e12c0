package mailauth

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
)

// maxSets bounds the chain (RFC 8617 section 4.2.1).
const maxSets = 50

// set is what one server added to the chain: its results, its signature of the message, and its seal.
type set struct {
	results, signature, seal             field
	signatureTags, sealTags              tags
	hasResults, hasSignature, hasSealing bool
}

var errChain = errors.New("the chain is not whole")

// checkARC validates the chain (RFC 8617 section 5.2).
func checkARC(ctx context.Context, raw []byte, budget *budget) Result {
	m := splitHeader(raw)
	sets, err := m.arcSets()
	if err != nil {
		return Fail
	}
	if len(sets) == 0 {
		return None
	}
	err = m.verifyChain(ctx, sets, budget)
	switch {
	case err == nil:
		return Pass
	case errors.Is(err, errTemporary) && budget.spent(ctx):
		return NotChecked
	case errors.Is(err, errTemporary):
		return TempError
	}
	return Fail
}

// arcSets collects the sets in order. Each instance must have each field once.
func (m message) arcSets() ([]set, error) {
	byInstance := map[int]*set{}
	for _, f := range m.fields {
		name := strings.ToLower(strings.TrimRight(f.name, " \t"))
		if name != "arc-authentication-results" && name != "arc-message-signature" && name != "arc-seal" {
			continue
		}
		i, t, err := instance(name, f)
		if err != nil {
			return nil, err
		}
		s := byInstance[i]
		if s == nil {
			s = &set{}
			byInstance[i] = s
		}
		if !s.add(name, f, t) {
			return nil, errChain
		}
	}
	sets := make([]set, 0, len(byInstance))
	for i := 1; i <= len(byInstance); i++ {
		s := byInstance[i]
		if s == nil || !s.hasResults || !s.hasSignature || !s.hasSealing {
			return nil, errChain
		}
		sets = append(sets, *s)
	}
	return sets, nil
}

// instance reads i=: of the results it stands in front, alone.
func instance(name string, f field) (int, tags, error) {
	var value string
	var t tags
	if name == "arc-authentication-results" {
		first, _, ok := strings.Cut(strings.ReplaceAll(f.value, "\r\n", ""), ";")
		tag, number, equals := strings.Cut(first, "=")
		if !ok || !equals || strings.Trim(tag, " \t") != "i" {
			return 0, nil, errChain
		}
		value = strings.Trim(number, " \t")
	} else {
		var err error
		if t, err = parseTags(f.value); err != nil {
			return 0, nil, err
		}
		value = t["i"]
	}
	i, err := strconv.Atoi(value)
	if err != nil || i < 1 || i > maxSets {
		return 0, nil, errChain
	}
	return i, t, nil
}

// add puts a field into the set; false where it has one already.
func (s *set) add(name string, f field, t tags) bool {
	switch name {
	case "arc-authentication-results":
		if s.hasResults {
			return false
		}
		s.results, s.hasResults = f, true
	case "arc-message-signature":
		if s.hasSignature {
			return false
		}
		s.signature, s.signatureTags, s.hasSignature = f, t, true
	default:
		if s.hasSealing {
			return false
		}
		s.seal, s.sealTags, s.hasSealing = f, t, true
	}
	return true
}

// verifyChain checks the newest message signature and every seal.
func (m message) verifyChain(ctx context.Context, sets []set, budget *budget) error {
	for i, s := range sets {
		want := "pass"
		if i == 0 {
			want = "none"
		}
		if _, signsFields := s.sealTags["h"]; signsFields || s.sealTags["cv"] != want {
			return errChain
		}
		if err := errors.Join(s.sealTags.checkCommon(), s.signatureTags.checkCommon()); err != nil {
			return err
		}
		if _, ok := s.signatureTags["h"]; !ok {
			return errTags
		}
	}
	newest := sets[len(sets)-1]
	if err := m.verifyMessage(ctx, newest.signature, newest.signatureTags, budget); err != nil {
		return err
	}
	for n := len(sets); n > 0; n-- {
		if err := sets[n-1].sealTags.verify(ctx, sealed(sets[:n]), budget); err != nil {
			return err
		}
	}
	return nil
}

// sealed is what the last seal of the sets signs (RFC 8617 section 5.1.1).
func sealed(sets []set) []byte {
	var b bytes.Buffer
	for i, s := range sets {
		b.WriteString(relaxedField(s.results) + "\r\n")
		b.WriteString(relaxedField(s.signature) + "\r\n")
		if i < len(sets)-1 {
			b.WriteString(relaxedField(s.seal) + "\r\n")
			continue
		}
		b.WriteString(relaxedField(withoutSignature(s.seal)))
	}
	return b.Bytes()
}
