package interaction

import (
	"iter"
	"slices"
	"time"
)

// OpenHours are the business hours of one place.
type OpenHours interface {
	Open(at time.Time) bool
	NextOpen(at time.Time) (time.Time, bool) // the first open moment not before at; false when it is closed for good
}

// CallbackPlace is an entry point with what booking needs of it.
type CallbackPlace struct {
	EntryPoint string
	Name       string           // of the house, as customers read it
	Settings   CallbackSettings // with defaults
	Calendar   []byte           // its definition; none: always open
	Hours      OpenHours        // of that
	Zone       *time.Location   // whose wall clock slots lie on
	Language   string
	Now        time.Time // by the database's clock
}

// WallTime is how a time on a wall is written.
const WallTime = "2006-01-02T15:04"

// Codes of times that cannot be had; such an error tells the next free one.
const (
	CodeTimePast    = "time_past"
	CodeTimeFar     = "time_too_far"
	CodeTimeClosed  = "time_closed"
	CodeTimeMissing = "time_missing"
	CodeTimeOff     = "not_a_slot"
	CodeSlotFull    = "slot_full"
)

// Time checks when somebody wants to be called. Whether a slot has room is not looked at here. A time on the wall that comes twice means the first one;
// the second is written with its offset.
func (p *CallbackPlace) Time(w CallWhen) (CallTime, error) {
	zone, err := p.zone(w.Zone)
	if err != nil {
		return CallTime{}, err
	}
	if w.Mode == "" {
		if w.Mode = p.Settings.Modes[0]; w.At != "" {
			w.Mode = CallSlot
		}
	}
	t := CallTime{Mode: w.Mode, Zone: zone.String(), Due: p.Now}
	switch {
	case !slices.Contains(p.Settings.Modes, w.Mode):
		return t, Invalid("mode_not_offered", "mode", "is not offered here; choose one of %v", p.Settings.Modes)
	case w.Mode != CallSlot && w.At != "":
		return t, Invalid("not_with_mode", "at", "is for callbacks at a chosen time; leave it out")
	case w.Mode == CallNow && !p.Hours.Open(p.Now):
		return t, Invalid(CodeTimeClosed, "mode", "nobody is here to call at this hour; choose another time")
	case w.Mode == CallFree:
		var opens bool
		if t.Due, opens = p.Hours.NextOpen(p.Now); !opens {
			return t, Invalid(CodeTimeClosed, "mode", "nobody is here to call any more")
		}
	case w.Mode == CallSlot:
		at, err := readTime(w.At, zone)
		if err != nil {
			return t, err
		}
		if t.Slot, err = p.slot(at); err != nil {
			return t, err
		}
		t.Due, t.Local = t.Slot, t.Slot.In(zone).Format(WallTime)
	}
	t.Expires = t.Due.Add(time.Duration(p.Settings.Limit) * time.Minute)
	return t, nil
}

func (p *CallbackPlace) zone(name string) (*time.Location, error) {
	if name == "" {
		return p.Zone, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, Invalid("bad_zone", "zone", "is no time zone such as Europe/Berlin")
	}
	return zone, nil
}

// slot gives the bucket that a moment lies in, if it can be booked at all.
func (p *CallbackPlace) slot(at time.Time) (time.Time, error) {
	slot := at.Truncate(time.Minute)
	slot = slot.Add(-time.Duration(p.behind(slot)) * time.Minute)
	switch {
	case p.behind(slot) != 0: // between the last bucket before a change of the clocks and the first behind it
		return slot, Invalid(CodeTimeOff, "at", "is no time that calls begin at; choose one of those offered")
	case !slot.After(p.Now):
		return slot, Invalid(CodeTimePast, "at", "is over; choose a later time")
	case slot.After(p.horizon()):
		return slot, Invalid(CodeTimeFar, "at", "is more than %d days ahead; choose an earlier time", p.Settings.Horizon)
	case !p.Hours.Open(slot):
		return slot, Invalid(CodeTimeClosed, "at", "is outside business hours; choose another time")
	}
	return slot.UTC(), nil
}

// behind is how many minutes a moment lies behind the beginning of its bucket, by the wall clock.
func (p *CallbackPlace) behind(at time.Time) int {
	local := at.In(p.Zone)
	return (local.Hour()*60 + local.Minute()) % p.Settings.Bucket
}

func (p *CallbackPlace) horizon() time.Time { return p.Now.AddDate(0, 0, p.Settings.Horizon) }

// Slots gives the beginnings of the buckets in [from, to) that can be booked, whether they have room or not.
func (p *CallbackPlace) Slots(from, to time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		if from = from.UTC(); !from.After(p.Now) {
			from = p.Now.UTC().Add(time.Second)
		}
		if last := p.horizon().Add(time.Nanosecond); to.After(last) {
			to = last
		}
		for at := p.align(from); at.Before(to); at = p.align(at.Add(time.Minute)) {
			if !p.Hours.Open(at) {
				opens, ok := p.Hours.NextOpen(at)
				if !ok {
					return
				}
				if at = p.align(opens); !p.Hours.Open(at) || !at.Before(to) {
					continue
				}
			}
			if !yield(at.UTC()) {
				return
			}
		}
	}
}

// align gives the first beginning of a bucket that is not before at.
func (p *CallbackPlace) align(at time.Time) time.Time {
	if up := at.Truncate(time.Minute); !up.Equal(at) {
		at = up.Add(time.Minute)
	}
	for behind := p.behind(at); behind != 0; behind = p.behind(at) { // twice where the clocks change in between
		at = at.Add(time.Duration(p.Settings.Bucket-behind) * time.Minute)
	}
	return at
}

// readTime reads a moment with its offset, or a time on a wall.
func readTime(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, Invalid("required", "at", "say at what time")
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	wall, err := time.Parse(WallTime, text)
	if err != nil {
		if wall, err = time.Parse(WallTime+":05", text); err != nil {
			return wall, Invalid("bad_time", "at", "is no time; write it as 2026-11-24T10:30, or with its offset as 2026-11-24T10:30:00+01:00")
		}
	}
	all := OnWall(wall, zone)
	if len(all) == 0 {
		return wall, Invalid(CodeTimeMissing, "at", "does not exist on that day: the clocks are put forward over it; choose another time")
	}
	return all[0], nil
}

// OnWall gives the moments at which the clocks of a zone show what wall shows in UTC, in order: none when they are put forward over it, two
// when they are put back to before it.
func OnWall(wall time.Time, zone *time.Location) []time.Time {
	var all []time.Time
	for _, near := range []time.Duration{-48 * time.Hour, 48 * time.Hour} { // no zone changes twice within such a time
		_, offset := wall.Add(near).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, there := at.In(zone).Zone(); there == offset && !slices.ContainsFunc(all, at.Equal) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// DetailNext is the detail of an error of booking that says when there is room: a moment, RFC 3339.
const DetailNext = "next"
