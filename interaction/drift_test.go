package interaction

import (
	"slices"
	"testing"
)

func TestWhenAWeekIsWorse(t *testing.T) {
	week := func(messages, unsure, corrected, rejected, answered, back int64, shift float64) Drift {
		return Drift{Messages: messages, Unsure: unsure, Corrected: corrected, Rejected: rejected, Answered: answered, AnsweredBack: back, Shift: shift}
	}
	usual := []Drift{week(200, 20, 10, 4, 100, 5, -1), week(180, 16, 8, 4, 90, 4, 0.08), week(220, 23, 12, 5, 110, 6, 0.1)}
	tests := []struct {
		name   string
		now    Drift
		before []Drift
		want   []string
	}{
		{"as usual", week(200, 22, 9, 4, 100, 4, 0.09), usual, nil},
		{"more that fits nowhere", week(200, 60, 10, 4, 100, 5, 0.1), usual, []string{WorseUnsure}},
		{"more corrections and rejections", week(200, 20, 40, 40, 100, 5, 0.1), usual, []string{WorseCorrected, WorseRejected}},
		{"customers write again", week(200, 20, 10, 4, 100, 30, 0.1), usual, []string{WorseAnsweredBack}},
		{"other subjects", week(200, 20, 10, 4, 100, 5, 0.4), usual, []string{WorseShift}},
		{"little was written", week(12, 9, 9, 9, 6, 6, 0.9), usual, nil},
		{"a rise that chance explains", week(40, 6, 2, 1, 20, 1, 0.1), usual, nil},
		{"nothing before", week(200, 150, 150, 150, 100, 90, -1), nil, nil},
		{"better", week(200, 0, 0, 0, 100, 0, 0), usual, nil},
		{"one week before", week(200, 20, 10, 4, 100, 5, 0.9), usual[:1], nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.now.WorseThan(tt.before); !slices.Equal(got, tt.want) {
				t.Errorf("worse in %v, want %v", got, tt.want)
			}
		})
	}
}
