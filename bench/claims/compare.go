package claims

import (
	"context"
	"slices"
	"time"
)

// Result is what claims came to beside their references.
type Result struct {
	ClaimA, ClaimB, Update, Claim []float64 // a second, a figure for each round
	Even, Brief                   []float64
	ClaimP99, UpdateP99           time.Duration
	Unlucky                       int // claims that got none
}

// Compare measures claims and references by turns, as often as rounds say, and then the latency of both at the size's rate.
func Compare(ctx context.Context, url string, size Size, rounds int) (r Result, err error) {
	h, err := Open(ctx, url, size)
	if err != nil {
		return r, err
	}
	defer h.Close()
	if err := h.Warm(ctx); err != nil {
		return r, err
	}
	for range rounds {
		for _, leg := range []struct {
			reference Reference
			parts     int
			rates     *[]float64
		}{{ClaimA, 2, &r.ClaimA}, {ClaimB, 3, &r.ClaimB}, {Even, 1, &r.Even}, {Brief, 1, &r.Brief}, {Update, 2, &r.Update}} {
			rate, err := leg.reference.Rate(ctx, url, size, leg.parts)
			if err != nil {
				return r, err
			}
			*leg.rates = append(*leg.rates, rate)
		}
		if err := h.Refill(ctx); err != nil {
			return r, err
		}
		c, err := h.Claim(ctx, 0)
		if err != nil {
			return r, err
		}
		r.Claim = append(r.Claim, c.Rate)
		for status, n := range c.Statuses {
			if status != 200 {
				r.Unlucky += n
			}
		}
	}
	if err := h.Refill(ctx); err != nil {
		return r, err
	}
	if r.UpdateP99, err = Update.P99(ctx, url, size); err != nil {
		return r, err
	}
	c, err := h.Claim(ctx, size.Rate)
	r.ClaimP99 = c.P(99)
	return r, err
}

// Median gives the middle of some figures; 0 of none.
func Median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}
