package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/interaction"
)

func wrong(field, format string, args ...any) error {
	return interaction.Invalid("bad_calendar", field, format, args...)
}

// Bounds of a definition.
const (
	maxDays    = 2000
	maxPeriods = 24
)

// Compile checks a definition. Every error is an *interaction.Error of kind invalid that names the field.
func Compile(d interaction.Calendar) (*Calendar, error) {
	c := &Calendar{days: map[date][]period{}, yearly: map[date][]period{}}
	var err error
	if d.Zone == "" || d.Zone == "Local" {
		return nil, wrong("zone", "is an IANA name such as Europe/Berlin")
	}
	if c.zone, err = time.LoadLocation(d.Zone); err != nil {
		return nil, wrong("zone", "%q is no IANA name of a time zone, such as Europe/Berlin", d.Zone)
	}
	if err := c.readWeek(d.Week); err != nil {
		return nil, err
	}
	if len(d.Holidays)+len(d.Exceptions) > maxDays {
		return nil, wrong("holidays", "with the exceptions are more than %d days", maxDays)
	}
	for n, text := range d.Holidays {
		if err := c.readDay(fmt.Sprintf("holidays.%d", n), text, nil); err != nil {
			return nil, err
		}
	}
	for _, text := range keys(d.Exceptions) {
		field := "exceptions." + text
		periods, err := readPeriods(field, d.Exceptions[text])
		if err != nil {
			return nil, err
		}
		if err := c.readDay(field, text, periods); err != nil {
			return nil, err
		}
	}
	return c, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (c *Calendar) readWeek(week map[string][]string) error {
	var set [7]bool
	for _, name := range keys(week) {
		field := "week." + name
		periods, err := readPeriods(field, week[name])
		if err != nil {
			return err
		}
		first, last, isRange := strings.Cut(name, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if from < 0 || to < 0 {
			return wrong(field, "is neither one of mon, tue, wed, thu, fri, sat, sun nor a range of them such as mon-fri")
		}
		for n := from; ; n = (n + 1) % 7 {
			if set[n] {
				return wrong(field, "names %s a second time", weekdays[n])
			}
			set[n], c.week[n] = true, periods
			if n == to {
				break
			}
		}
	}
	return nil
}

// readDay takes a date or, for every year, a month and a day.
func (c *Calendar) readDay(field, text string, periods []period) error {
	if t, err := time.Parse("2006-01-02", text); err == nil {
		d := dateOf(t)
		if old, twice := c.days[d]; twice && (old == nil) == (periods == nil) {
			return wrong(field, "names %s a second time", text)
		}
		c.days[d] = periods
		return nil
	}
	t, err := time.Parse("2006-01-02", "2000-"+text) // a leap year
	if err != nil {
		return wrong(field, "%q is neither a date such as 2026-12-24 nor a month and a day such as 12-25", text)
	}
	d := date{0, t.Month(), t.Day()}
	if old, twice := c.yearly[d]; twice && (old == nil) == (periods == nil) {
		return wrong(field, "names %s a second time", text)
	}
	c.yearly[d] = periods
	return nil
}

// readPeriods takes "09:00-12:30" and the like and puts them in order. They never overlap, and none goes past midnight. The
// result is not nil, even when there are none.
func readPeriods(field string, list []string) ([]period, error) {
	if len(list) > maxPeriods {
		return nil, wrong(field, "has more than %d periods", maxPeriods)
	}
	periods := make([]period, 0, len(list))
	for _, text := range list {
		from, to, ok := strings.Cut(text, "-")
		p := period{}
		var err1, err2 error
		p.from, err1 = clock(from)
		p.to, err2 = clock(to)
		if !ok || err1 != nil || err2 != nil {
			return nil, wrong(field, "%q is no period such as 09:00-17:30", text)
		}
		if p.from >= p.to {
			return nil, wrong(field, "%q ends before it begins; write a period past midnight as two, 22:00-24:00 and 00:00-06:00 of the next day", text)
		}
		periods = append(periods, p)
	}
	slices.SortFunc(periods, func(a, b period) int { return int(a.from - b.from) })
	for n := 1; n < len(periods); n++ {
		if periods[n].from < periods[n-1].to {
			return nil, wrong(field, "has periods that overlap")
		}
	}
	return periods, nil
}

// clock reads hh:mm up to 24:00.
func clock(text string) (time.Duration, error) {
	hours, minutes, ok := strings.Cut(strings.TrimSpace(text), ":")
	h, err1 := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	if !ok || err1 != nil || err2 != nil || len(minutes) != 2 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf("%q is no time of day", text)
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, nil
}

func keys(m map[string][]string) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
