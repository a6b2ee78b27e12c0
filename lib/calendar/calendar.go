// Package calendar knows business hours: periods of the week in a time zone, holidays, and days that are an exception.
//
// A calendar speaks of the clock on the wall: it is open at a moment when the local date and time of that moment lie in one of that date's
// periods. So the two days a year on which the clocks change need no rule of their own: an hour that is missing is never
// open, and an hour that comes twice is open twice, as the people who work by that clock are.
//
// Everything is a pure function of its arguments and the time zone's rules, which governments change; a workflow that decides by a
// calendar keeps the answer by a recorded side effect.
package calendar

import (
	"iter"
	"time"
	_ "time/tzdata" // the same zones on a machine that has none installed
)

// Calendar is a checked interaction.Calendar. The nil Calendar is always open. It does not change and may be shared.
type Calendar struct {
	zone   *time.Location
	week   [7][]period // by time.Weekday
	days   map[date][]period
	yearly map[date][]period // year 0
}

// period is a part of a day on the wall clock, as times since its midnight.
type period struct{ from, to time.Duration }

// date is a day on the wall.
type date struct {
	year  int
	month time.Month
	day   int
}

const day = 24 * time.Hour

// horizon is how far ahead is looked for open time: a calendar that has none in so many days is taken to be closed for good.
const horizon = 3 * 366

// Open reports whether at is in open time.
func (c *Calendar) Open(at time.Time) bool {
	if c == nil {
		return true
	}
	local := at.In(c.zone)
	since := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second +
		time.Duration(local.Nanosecond())
	for _, p := range c.on(dateOf(local)) {
		if p.from <= since && since < p.to {
			return true
		}
	}
	return false
}

// NextOpen gives the first moment not before at that is in open time; false when there is none within three years.
func (c *Calendar) NextOpen(at time.Time) (time.Time, bool) {
	if c == nil {
		return at, true
	}
	for open := range c.spans(at) {
		return open.from, true
	}
	return time.Time{}, false
}

// NextClose gives the first moment not before at that is not in open time; false when there is none within three years.
func (c *Calendar) NextClose(at time.Time) (time.Time, bool) {
	if c == nil {
		return time.Time{}, false
	}
	end := at
	for open := range c.spans(at) {
		if open.from.After(end) {
			return end, true
		}
		end = open.to
	}
	return end, end.Sub(at) < (horizon-2)*day
}

// Add gives the moment at which d of open time has passed since at: at itself when d is not positive, otherwise a moment within open
// time or at its end. False when the calendar closes for good before.
func (c *Calendar) Add(at time.Time, d time.Duration) (time.Time, bool) {
	if d <= 0 {
		return at, true
	}
	if c == nil {
		return at.Add(d), true
	}
	for open := range c.spans(at) {
		length := open.to.Sub(open.from)
		if length >= d {
			return open.from.Add(d), true
		}
		d -= length
		at = open.to
	}
	if _, more := c.NextOpen(at); more { // the look ahead is bounded, the sum is not
		return c.Add(at, d)
	}
	return time.Time{}, false
}

// Between gives how much open time lies between from and to; 0 when to is not after from.
func (c *Calendar) Between(from, to time.Time) time.Duration {
	if !to.After(from) {
		return 0
	}
	if c == nil {
		return to.Sub(from)
	}
	var sum time.Duration
	for from.Before(to) {
		upTo := from.Add(horizon / 2 * day) // spans look ahead only so far
		if upTo.After(to) {
			upTo = to
		}
		for open := range c.spans(from) {
			if !open.from.Before(upTo) {
				break
			}
			sum += earlier(open.to, upTo).Sub(open.from)
		}
		from = upTo
	}
	return sum
}

// span is open time without a break.
type span struct{ from, to time.Time }

// spans gives the open time from at on, in order, up to the horizon. Neighbours that touch come one after the other.
func (c *Calendar) spans(at time.Time) iter.Seq[span] {
	return func(yield func(span) bool) {
		end := at.Add(horizon * day)
		for now := at; now.Before(end); {
			// Within the bounds of a zone the wall clock runs evenly, offset away from UTC.
			_, changes := now.In(c.zone).ZoneBounds()
			if changes.IsZero() || changes.After(end) {
				changes = end
			}
			if !c.evenly(now, changes, yield) {
				return
			}
			now = changes
		}
	}
}

// evenly gives the open time of [from, to), in which the wall clock does not change.
func (c *Calendar) evenly(from, to time.Time, yield func(span) bool) bool {
	_, offset := from.In(c.zone).Zone()
	wall := func(t time.Time) time.Time { return t.UTC().Add(time.Duration(offset) * time.Second) }
	for midnight := wall(from).Truncate(day); midnight.Before(wall(to)); midnight = midnight.Add(day) {
		for _, p := range c.on(dateOf(midnight)) {
			opens := midnight.Add(p.from - time.Duration(offset)*time.Second)
			closes := midnight.Add(p.to - time.Duration(offset)*time.Second)
			opens, closes = later(opens, from), earlier(closes, to)
			if opens.Before(closes) && !yield(span{opens.In(from.Location()), closes.In(from.Location())}) {
				return false
			}
		}
	}
	return true
}

// on gives the periods of a date, in order.
func (c *Calendar) on(d date) []period {
	if p, special := c.days[d]; special {
		return p
	}
	if p, special := c.yearly[date{0, d.month, d.day}]; special {
		return p
	}
	return c.week[time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()]
}

func dateOf(t time.Time) date {
	year, month, day := t.Date()
	return date{year, month, day}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
