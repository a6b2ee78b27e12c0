package interaction

import (
	"math"
	"time"
)

// WorkflowDrift is the workflow that tells once a week how the models did; DriftEvery is when: on Mondays, when the week before is over everywhere in the audit (UTC).
const (
	WorkflowDrift = "Drift"
	DriftEvery    = "30 0 * * 1"
)

// Drift is how the model of a language did in one week, by what people did afterwards.
type Drift struct {
	Week         time.Time // its Monday, UTC
	Messages     int64     // that a model looked at
	Unsure       int64     // for which no category was above its threshold
	Confidence   float64   // mean of those with a category
	Corrected    int64     // got another category from people
	Rejected     int64     // had a suggestion rejected
	Answered     int64     // were answered automatically
	AnsweredBack int64     // and the customer wrote again
	Shift        float64   // how far the categories lie from those of the weeks before: 0 the same, 1 nothing in common; negative: nothing before
	Worse        []string  // in what it was worse than the weeks before it
	Categories   map[string]int64
}

// ToldDrift is the last week that was told of a language.
type ToldDrift struct {
	Language string
	Drift
}

// In what a week can be worse.
const (
	WorseUnsure       = "unsure"
	WorseCorrected    = "corrected"
	WorseRejected     = "rejected"
	WorseAnsweredBack = "answered_back"
	WorseShift        = "shift"
)

// What has to be there before a week is called worse: chance alone makes shares of few messages jump.
const (
	driftMessages = 30   // of the week, and of those before together
	driftStep     = 0.05 // by which a share, or the shift, has to rise at least
	driftSure     = 3    // standard errors between them
)

// WorseThan names in what a week was worse than the weeks before it: shares that rose by more than chance explains, and categories that moved further than they
// did in any of those weeks.
func (d Drift) WorseThan(before []Drift) (worse []string) {
	var all Drift
	furthest, compared := 0.0, 0
	for _, b := range before {
		all.Messages += b.Messages
		all.Unsure += b.Unsure
		all.Corrected += b.Corrected
		all.Rejected += b.Rejected
		all.Answered += b.Answered
		all.AnsweredBack += b.AnsweredBack
		if b.Shift >= 0 {
			furthest, compared = max(furthest, b.Shift), compared+1
		}
	}
	for _, s := range []struct {
		name                   string
		part, of, before, ofIt int64
	}{
		{WorseUnsure, d.Unsure, d.Messages, all.Unsure, all.Messages},
		{WorseCorrected, d.Corrected, d.Messages, all.Corrected, all.Messages},
		{WorseRejected, d.Rejected, d.Messages, all.Rejected, all.Messages},
		{WorseAnsweredBack, d.AnsweredBack, d.Answered, all.AnsweredBack, all.Answered},
	} {
		if rose(s.part, s.of, s.before, s.ofIt) {
			worse = append(worse, s.name)
		}
	}
	const fewWeeks = 2
	if d.Messages >= driftMessages && compared >= fewWeeks && d.Shift > furthest+driftStep {
		worse = append(worse, WorseShift)
	}
	return worse
}

// rose tells whether one share lies above another by more than chance explains.
func rose(part, of, partBefore, ofBefore int64) bool {
	if of < driftMessages || ofBefore < driftMessages {
		return false
	}
	now, before := float64(part)/float64(of), float64(partBefore)/float64(ofBefore)
	both := float64(part+partBefore) / float64(of+ofBefore)
	spread := math.Sqrt(both * (1 - both) * (1/float64(of) + 1/float64(ofBefore)))
	return now-before > driftStep && now-before > driftSure*spread
}
