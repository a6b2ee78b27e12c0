package calendar

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

func compile(t *testing.T, d interaction.Calendar) *Calendar {
	t.Helper()
	c, err := Compile(d)
	require.NoError(t, err)
	return c
}

// office is open Monday to Thursday with a break at noon, and Friday mornings.
func office(zone string) interaction.Calendar {
	return interaction.Calendar{
		Zone: zone, Week: map[string][]string{"mon-thu": {"13:30-18:00", "09:00-12:30"}, "fri": {"09:00-14:00"}},
		Holidays: []string{"12-25", "2026-04-03"}, Exceptions: map[string][]string{"2026-12-24": {"09:00-12:00"}, "2026-12-27": {"10:00-11:00"}},
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at
}

func TestAdd(t *testing.T) {
	tests := []struct {
		name, from string
		add        time.Duration
		want       string
	}{
		{"within a period", "2026-03-02T10:00:00+01:00", time.Hour, "2026-03-02T11:00:00+01:00"},
		{"to the end of a period, not past it", "2026-03-02T10:00:00+01:00", 150 * time.Minute, "2026-03-02T12:30:00+01:00"},
		{"over the break", "2026-03-02T12:00:00+01:00", time.Hour, "2026-03-02T14:00:00+01:00"},
		{"from the night", "2026-03-02T03:00:00+01:00", time.Hour, "2026-03-02T10:00:00+01:00"},
		{"over the weekend", "2026-03-06T13:00:00+01:00", 2 * time.Hour, "2026-03-09T10:00:00+01:00"},
		{"over a week-end on which the clocks change", "2026-03-27T13:00:00+01:00", 2 * time.Hour, "2026-03-30T10:00:00+02:00"},
		{"over a holiday of one year", "2026-04-02T17:00:00+02:00", 2 * time.Hour, "2026-04-06T10:00:00+02:00"},
		{"through an exception, over a holiday of every year and to an exception on a Sunday", "2026-12-24T11:00:00+01:00", 90 * time.Minute, "2026-12-27T10:30:00+01:00"},
		{"nothing", "2026-03-01T03:00:00+01:00", 0, "2026-03-01T03:00:00+01:00"},
	}
	c := compile(t, office("Europe/Berlin"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from := moment(t, tt.from)
			got, ok := c.Add(from, tt.add)
			require.True(t, ok)
			require.Equal(t, tt.add, c.Between(from, got), "as much open time lies between")
			require.WithinDuration(t, moment(t, tt.want), got, 0)
		})
	}
}

func TestOpenAndNext(t *testing.T) {
	c := compile(t, office("Europe/Berlin"))
	tests := []struct {
		at    string
		open  bool
		next  string
		until string
	}{
		{"2026-03-02T09:00:00+01:00", true, "2026-03-02T09:00:00+01:00", "2026-03-02T12:30:00+01:00"},
		{"2026-03-02T12:30:00+01:00", false, "2026-03-02T13:30:00+01:00", "2026-03-02T12:30:00+01:00"},
		{"2026-03-07T10:00:00+01:00", false, "2026-03-09T09:00:00+01:00", "2026-03-07T10:00:00+01:00"},
		{"2026-12-25T10:00:00+01:00", false, "2026-12-27T10:00:00+01:00", "2026-12-25T10:00:00+01:00"},
	}
	for _, tt := range tests {
		at := moment(t, tt.at)
		require.Equal(t, tt.open, c.Open(at), tt.at)
		next, ok := c.NextOpen(at)
		require.True(t, ok)
		require.WithinDuration(t, moment(t, tt.next), next, 0, tt.at)
		until, ok := c.NextClose(at)
		require.True(t, ok)
		require.WithinDuration(t, moment(t, tt.until), until, 0, tt.at)
	}
}

// The hour that is missing is never open, the hour that comes twice is open twice.
func TestTheDaysOnWhichTheClocksChange(t *testing.T) {
	night := compile(t, interaction.Calendar{Zone: "Europe/Berlin", Week: map[string][]string{"sun": {"02:00-03:00"}}})
	spring, autumn := moment(t, "2026-03-29T00:00:00+01:00"), moment(t, "2026-10-25T00:00:00+02:00")
	require.Zero(t, night.Between(spring, spring.Add(day)))
	require.Equal(t, 2*time.Hour, night.Between(autumn, autumn.Add(25*time.Hour)))

	part := compile(t, interaction.Calendar{Zone: "Europe/Berlin", Week: map[string][]string{"sun": {"01:00-02:30"}}})
	require.Equal(t, time.Hour, part.Between(spring, spring.Add(day)), "01:00 to 02:00; the next moment is 03:00")
	require.True(t, part.Open(moment(t, "2026-10-25T02:15:00+02:00")))
	require.False(t, part.Open(moment(t, "2026-10-25T02:45:00+02:00")))
	require.True(t, part.Open(moment(t, "2026-10-25T02:15:00+01:00")), "the second time")
	due, ok := part.Add(moment(t, "2026-10-25T01:00:00+02:00"), 100*time.Minute)
	require.True(t, ok)
	require.WithinDuration(t, moment(t, "2026-10-25T02:10:00+01:00"), due, 0)
}

func TestACalendarThatClosesForGood(t *testing.T) {
	c := compile(t, interaction.Calendar{Zone: "UTC", Exceptions: map[string][]string{"2026-03-02": {"09:00-10:00"}}})
	due, ok := c.Add(moment(t, "2026-03-01T00:00:00Z"), time.Hour)
	require.True(t, ok)
	require.WithinDuration(t, moment(t, "2026-03-02T10:00:00Z"), due, 0)
	_, ok = c.Add(moment(t, "2026-03-01T00:00:00Z"), time.Hour+1)
	require.False(t, ok)
	_, ok = c.NextOpen(moment(t, "2026-03-03T00:00:00Z"))
	require.False(t, ok)

	week := compile(t, office("Europe/Berlin"))
	from := moment(t, "2026-01-05T00:00:00+01:00")
	due, ok = week.Add(from, 8000*time.Hour)
	require.True(t, ok, "it lies further ahead than one look goes")
	require.Equal(t, 8000*time.Hour, week.Between(from, due))

	always := compile(t, interaction.Calendar{Zone: "UTC", Week: map[string][]string{"mon-sun": {"00:00-24:00"}}})
	_, ok = always.NextClose(moment(t, "2026-03-03T00:00:00Z"))
	require.False(t, ok)
	due, ok = always.Add(moment(t, "2026-03-03T00:00:00Z"), 10*365*day)
	require.True(t, ok)
	require.WithinDuration(t, moment(t, "2026-03-03T00:00:00Z").Add(10*365*day), due, 0)

	var none *Calendar
	require.True(t, none.Open(time.Time{}))
	due, ok = none.Add(moment(t, "2026-03-03T00:00:00Z"), time.Hour)
	require.True(t, ok)
	require.WithinDuration(t, moment(t, "2026-03-03T01:00:00Z"), due, 0)
}

// Zones whose clocks change at odd hours, by half an hour, at midnight (so that a day has none), or that have left out a whole day.
var zones = []string{
	"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Asia/Kathmandu",
	"Africa/Casablanca", "UTC", "Pacific/Chatham", "America/St_Johns", "Antarctica/Troll",
}

// In 500 random calendars, zones and moments, half of them on a day on which the clocks change, what is computed equals
// what comes out of asking every minute whether it is open.
func TestAgainstEveryMinute(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		d := someDefinition(r)
		c := compile(t, d)
		from := someMoment(r, c.zone)
		add := time.Duration(1+r.IntN(30*60)) * time.Minute
		name := fmt.Sprintf("case %d: %+v from %s add %s", seed, d, from.In(c.zone), add)

		const days = 12
		open, firstOpen, firstClosed, reached := 0, -1, -1, -1
		for n := range days * 24 * 60 {
			if c.Open(from.Add(time.Duration(n) * time.Minute)) {
				open++
				if firstOpen < 0 {
					firstOpen = n
				}
				if reached < 0 && time.Duration(open)*time.Minute == add {
					reached = n + 1
				}
			} else if firstClosed < 0 {
				firstClosed = n
			}
		}
		require.Equal(t, time.Duration(open)*time.Minute, c.Between(from, from.Add(days*day)), name)
		if firstOpen >= 0 {
			next, ok := c.NextOpen(from)
			require.True(t, ok, name)
			require.WithinDuration(t, from.Add(time.Duration(firstOpen)*time.Minute), next, 0, name)
		}
		if firstClosed >= 0 {
			next, ok := c.NextClose(from)
			require.True(t, ok, name)
			require.WithinDuration(t, from.Add(time.Duration(firstClosed)*time.Minute), next, 0, name)
		}
		if reached >= 0 {
			due, ok := c.Add(from, add)
			require.True(t, ok, name)
			require.WithinDuration(t, from.Add(time.Duration(reached)*time.Minute), due, 0, name)
		}
	}
}

func someDefinition(r *rand.Rand) interaction.Calendar {
	d := interaction.Calendar{Zone: zones[r.IntN(len(zones))], Week: map[string][]string{}, Exceptions: map[string][]string{}}
	periods := func() []string {
		var list []string
		for at := r.IntN(8); at < 23; at += 1 + r.IntN(6) {
			to := min(at+1+r.IntN(8), 24)
			list = append(list, fmt.Sprintf("%02d:%02d-%02d:00", at, r.IntN(4)*15, to))
			at = to
		}
		return list
	}
	for _, name := range weekdays {
		if r.IntN(4) > 0 {
			d.Week[name] = periods()
		}
	}
	for range r.IntN(3) {
		d.Holidays = []string{fmt.Sprintf("2026-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28))}
	}
	if r.IntN(2) == 0 {
		d.Exceptions[fmt.Sprintf("2027-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28))] = periods()
	}
	return d
}

// someMoment is a minute in a few years; every other time shortly before the clocks change there.
func someMoment(r *rand.Rand, zone *time.Location) time.Time {
	at := time.Date(2010+r.IntN(18), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
	if _, changes := at.In(zone).ZoneBounds(); !changes.IsZero() && r.IntN(2) == 0 {
		at = changes.Add(-time.Duration(r.IntN(3*24*60)) * time.Minute).Truncate(time.Minute).UTC()
	}
	return at
}

func TestWrongDefinitionsNameTheField(t *testing.T) {
	tests := []struct {
		field  string
		change func(*interaction.Calendar)
	}{
		{"zone", func(d *interaction.Calendar) { d.Zone = "" }},
		{"zone", func(d *interaction.Calendar) { d.Zone = "Local" }},
		{"zone", func(d *interaction.Calendar) { d.Zone = "Europe/Bärlin" }},
		{"zone", func(d *interaction.Calendar) { d.Zone = "../../etc/passwd" }},
		{"week.monday", func(d *interaction.Calendar) { d.Week["monday"] = nil }},
		{"week.mon-thu", func(d *interaction.Calendar) { d.Week["mon"] = []string{"09:00-10:00"} }},
		{"week.sat", func(d *interaction.Calendar) { d.Week["sat"] = []string{"9-17"} }},
		{"week.sat", func(d *interaction.Calendar) { d.Week["sat"] = []string{"09:00"} }},
		{"week.sat", func(d *interaction.Calendar) { d.Week["sat"] = []string{"22:00-06:00"} }},
		{"week.sat", func(d *interaction.Calendar) { d.Week["sat"] = []string{"09:00-24:30"} }},
		{"week.sat", func(d *interaction.Calendar) { d.Week["sat"] = []string{"09:00-12:00", "11:59-13:00"} }},
		{"holidays.0", func(d *interaction.Calendar) { d.Holidays = []string{"2026-02-30"} }},
		{"holidays.1", func(d *interaction.Calendar) { d.Holidays = []string{"02-29", "02-29"} }},
		{"exceptions.soon", func(d *interaction.Calendar) { d.Exceptions["soon"] = nil }},
		{"exceptions.2026-01-01", func(d *interaction.Calendar) { d.Exceptions["2026-01-01"] = []string{"x"} }},
	}
	for n, tt := range tests {
		t.Run(fmt.Sprint(n, " ", tt.field), func(t *testing.T) {
			d := office("Europe/Berlin")
			tt.change(&d)
			_, err := Compile(d)
			var e *interaction.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.field, e.Field)
		})
	}
}
