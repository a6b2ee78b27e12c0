package interaction

import "strings"

// maxCompared bounds the words of each text that are compared; what is beyond counts as changed.
const maxCompared = 2000

// WordsChanged tells how many words a standard response has, and how many of them an agent changed when he made his reply of it: the fewest words
// that must be removed, replaced or put between to find the response again in the reply. What he wrote before or behind it is his own and no change.
func WordsChanged(response, reply string) (words, changed int) {
	from, to := strings.Fields(response), strings.Fields(reply)
	words = len(from)
	beyond := max(0, len(from)-maxCompared)
	from, to = from[:min(len(from), maxCompared)], to[:min(len(to), maxCompared)]
	// costs[j] is the least change that turns the words of the response so far into words of the reply that end at j.
	costs := make([]int, len(to)+1)
	for i, word := range from {
		before := costs[0]
		costs[0] = i + 1
		for j := range to {
			replaced := before
			if word != to[j] {
				replaced++
			}
			before = costs[j+1]
			costs[j+1] = min(replaced, before+1, costs[j]+1)
		}
	}
	changed = costs[0]
	for _, cost := range costs {
		changed = min(changed, cost)
	}
	return words, changed + beyond
}
