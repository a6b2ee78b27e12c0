package interaction

import (
	"cmp"
	"slices"
	"time"
)

// RuleHits is how often a screening rule applied in a time.
type RuleHits struct {
	Rule     string
	Position int
	Enabled  bool
	Hits     int64
	Last     time.Time // zero: never in that time
	Messages int64     // that were screened in that time
}

// MergeRules gives the rules that would be there with the others put beside them or in the place of those of their names, in the order in which they run.
func MergeRules(now, others []Rule) []Rule {
	merged := slices.Clone(now)
	for _, r := range others {
		at := slices.IndexFunc(merged, func(o Rule) bool { return o.Name == r.Name })
		if at >= 0 {
			if r.Position == 0 {
				r.Position = merged[at].Position
			}
			merged[at] = r
			continue
		}
		if r.Position == 0 {
			for _, o := range merged {
				r.Position = max(r.Position, o.Position+1)
			}
		}
		merged = append(merged, r)
	}
	slices.SortStableFunc(merged, func(a, b Rule) int { return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Name, b.Name)) })
	return merged
}
