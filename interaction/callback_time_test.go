package interaction

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// always is open at all times.
type always struct{}

func (always) Open(time.Time) bool                     { return true }
func (always) NextOpen(at time.Time) (time.Time, bool) { return at, true }

// office is open on weekdays from 9 to 17 by the clocks of Berlin.
type office struct{}

func (office) Open(at time.Time) bool {
	at = at.In(zoneOf("Europe/Berlin"))
	return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday && at.Hour() >= 9 && at.Hour() < 17
}

func (o office) NextOpen(at time.Time) (time.Time, bool) {
	for !o.Open(at) {
		at = at.Truncate(time.Minute).Add(time.Minute)
	}
	return at, true
}

func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func placeIn(zone string, now time.Time, settings CallbackSettings) *CallbackPlace {
	return &CallbackPlace{Settings: settings.WithDefaults(), Hours: always{}, Zone: zoneOf(zone), Now: now}
}

func TestTimesAsTheyAreWritten(t *testing.T) {
	now := time.Date(2028, 2, 20, 12, 2, 0, 0, time.UTC)
	place := placeIn("Europe/Berlin", now, CallbackSettings{})
	tests := []struct {
		at, code string // code empty: it is due at want
		want     string
	}{
		{at: "2028-02-21T10:30", want: "2028-02-21T09:30:00Z"},
		{at: "2028-02-21T10:30:00", want: "2028-02-21T09:30:00Z"},
		{at: "2028-02-21T10:30:00+05:00", want: "2028-02-21T05:30:00Z"},
		{at: "2028-02-21T10:33:59Z", want: "2028-02-21T10:30:00Z"},
		{at: "2028-02-29T08:00", want: "2028-02-29T07:00:00Z"},
		{at: "2028-02-30T08:00", code: "bad_time"},
		{at: "2027-02-29T08:00", code: "bad_time"},
		{at: "2028-W08-1T08:00", code: "bad_time"},
		{at: "2028-02-21T24:00:00", code: "bad_time"},
		{at: "2028-02-21T23:59:60Z", code: "bad_time"},
		{at: "2028-02-21", code: "bad_time"},
		{at: "21.02.2028 08:00", code: "bad_time"},
		{at: "tomorrow", code: "bad_time"},
		{at: "2028-02-20T13:02", code: CodeTimePast}, // its slot began at 13:00
		{at: "2028-02-20T13:05", want: "2028-02-20T12:05:00Z"},
		{at: "2028-02-19T10:00", code: CodeTimePast},
		{at: "1969-07-20T20:17:40Z", code: CodeTimePast},
		{at: "9999-12-31T23:55", code: CodeTimeFar},
		{at: "2028-03-22T10:00", code: CodeTimeFar},
		{at: "2028-03-21T10:00", want: "2028-03-21T09:00:00Z"},
		{at: "", code: "required"},
	}
	for _, tt := range tests {
		t.Run(tt.at, func(t *testing.T) {
			when, err := place.Time(CallWhen{Mode: CallSlot, At: tt.at})
			var e *Error
			if tt.code != "" {
				require.True(t, errors.As(err, &e), "%v", when)
				require.Equal(t, tt.code, e.Code)
				require.Equal(t, "at", e.Field)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, when.Due.Format(time.RFC3339))
			require.Equal(t, when.Slot, when.Due)
			require.Equal(t, when.Due.Add(24*time.Hour), when.Expires)
		})
	}
}

// An hour that is missing in spring is refused; of one that comes twice in autumn the first is meant, and the second is written with its offset (W-05).
func TestHoursThatAreMissingOrComeTwice(t *testing.T) {
	spring := placeIn("Europe/Berlin", time.Date(2028, 3, 20, 0, 0, 0, 0, time.UTC), CallbackSettings{})
	_, err := spring.Time(CallWhen{At: "2028-03-26T02:30"})
	require.ErrorContains(t, err, CodeTimeMissing)
	autumn := placeIn("Europe/Berlin", time.Date(2028, 10, 20, 0, 0, 0, 0, time.UTC), CallbackSettings{})
	when, err := autumn.Time(CallWhen{At: "2028-10-29T02:30"})
	require.NoError(t, err)
	require.Equal(t, "2028-10-29T00:30:00Z", when.Due.Format(time.RFC3339))
	when, err = autumn.Time(CallWhen{At: "2028-10-29T02:30:00+01:00"})
	require.NoError(t, err)
	require.Equal(t, "2028-10-29T01:30:00Z", when.Due.Format(time.RFC3339))
	require.Equal(t, "2028-10-29T02:30", when.Local, "shown as it stands on the wall")
}

// §G2: what OnWall says of times in many zones, around each change of their clocks and at random, is what all moments of those days show.
func TestTimesOnTheWallsOfTheWorld(t *testing.T) {
	zones := []string{
		"Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "America/Caracas", "America/Sao_Paulo", "Africa/Casablanca", "Africa/Cairo", "Asia/Kolkata",
		"Asia/Kathmandu", "Asia/Tehran", "Asia/Pyongyang", "Asia/Gaza", "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati",
		"Antarctica/Troll", "UTC",
	}
	random := rand.New(rand.NewPCG(1, 2))
	cases, missing, twice := 0, 0, 0
	for _, name := range zones {
		zone := zoneOf(name)
		var walls []time.Time
		at := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 12 { // changes of its clocks
			_, next := at.In(zone).ZoneBounds()
			if next.IsZero() || next.Year() > 2029 {
				break
			}
			at = next
			_, offset := at.Add(-time.Second).In(zone).Zone()
			for _, minutes := range []int{-75, -45, -15, 0, 15, 45, 75} {
				walls = append(walls, at.UTC().Add(time.Duration(offset)*time.Second+time.Duration(minutes)*time.Minute))
			}
		}
		for range 10 {
			walls = append(walls, time.Date(2011, 12, 30, 0, random.IntN(15*365*1440), 0, 0, time.UTC))
		}
		for _, wall := range walls {
			var want []time.Time
			for at := wall.Add(-30 * time.Hour); at.Before(wall.Add(30 * time.Hour)); at = at.Add(15 * time.Minute) {
				_, offset := at.In(zone).Zone()
				if at.Add(time.Duration(offset) * time.Second).Equal(wall) {
					want = append(want, at)
				}
			}
			got := OnWall(wall, zone)
			require.True(t, slices.EqualFunc(want, got, time.Time.Equal), "%s shows %s at %v, not at %v", name, wall.Format(WallTime), want, got)
			cases++
			missing += btoi(len(got) == 0)
			twice += btoi(len(got) == 2)
		}
	}
	t.Logf("%d times, %d of them missing, %d twice", cases, missing, twice)
	require.Greater(t, cases, 500)
	require.Greater(t, missing, 50)
	require.Greater(t, twice, 50)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Slots lie on the wall clock of the house, each once, also where the clocks change by half an hour or in the night.
func TestSlotsAroundAChangeOfTheClocks(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham"} {
		for _, bucket := range []int{5, 20, 30, 60} {
			t.Run(fmt.Sprintf("%s in %d minutes", zone, bucket), func(t *testing.T) {
				now := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
				for range 2 {
					_, now = now.In(zoneOf(zone)).ZoneBounds()
					if now.IsZero() {
						now = time.Date(2028, 6, 1, 0, 0, 0, 0, time.UTC)
					}
					place := placeIn(zone, now.Add(-36*time.Hour), CallbackSettings{Bucket: bucket})
					last := time.Time{}
					for at := range place.Slots(now.Add(-24*time.Hour), now.Add(24*time.Hour)) {
						local := at.In(place.Zone)
						require.Zero(t, (local.Hour()*60+local.Minute())%bucket, "%s", local)
						require.True(t, at.After(last))
						if !last.IsZero() {
							require.Less(t, at.Sub(last), 2*time.Duration(bucket)*time.Minute+31*time.Minute)
						}
						when, err := place.Time(CallWhen{Mode: CallSlot, At: at.Format(time.RFC3339)})
						require.NoError(t, err)
						require.True(t, when.Slot.Equal(at), "what is offered can be booked")
						last = at
					}
					require.Greater(t, last, now.Add(22*time.Hour))
				}
			})
		}
	}
}

func TestBusinessHours(t *testing.T) {
	saturday := time.Date(2028, 2, 19, 12, 0, 0, 0, time.UTC)
	place := placeIn("Europe/Berlin", saturday, CallbackSettings{Limit: 60})
	place.Hours = office{}
	_, err := place.Time(CallWhen{Mode: CallNow})
	require.ErrorContains(t, err, CodeTimeClosed)
	when, err := place.Time(CallWhen{Mode: CallFree})
	require.NoError(t, err)
	require.Equal(t, "2028-02-21T08:00:00Z", when.Due.UTC().Format(time.RFC3339))
	require.Equal(t, when.Due.Add(time.Hour), when.Expires)
	_, err = place.Time(CallWhen{At: "2028-02-20T10:00"})
	require.ErrorContains(t, err, CodeTimeClosed)
	_, err = place.Time(CallWhen{At: "2028-02-21T17:00"})
	require.ErrorContains(t, err, CodeTimeClosed)
	when, err = place.Time(CallWhen{At: "2028-02-21T10:00", Zone: "America/New_York"})
	require.NoError(t, err)
	require.Equal(t, "2028-02-21T15:00:00Z", when.Due.Format(time.RFC3339))
	require.Equal(t, "America/New_York", when.Zone, "the wall is the customer's")
	var first time.Time
	for first = range place.Slots(saturday, saturday.AddDate(0, 0, 30)) {
		break
	}
	require.Equal(t, "2028-02-21T08:00:00Z", first.Format(time.RFC3339))

	place.Now = time.Date(2028, 2, 21, 9, 0, 0, 0, time.UTC)
	when, err = place.Time(CallWhen{Mode: CallNow})
	require.NoError(t, err)
	require.Equal(t, place.Now, when.Due)
	_, err = place.Time(CallWhen{Mode: CallNow, At: "2028-02-21T12:00"})
	require.ErrorContains(t, err, "not_with_mode")
	when, err = place.Time(CallWhen{})
	require.NoError(t, err)
	require.Equal(t, CallNow, when.Mode)
}

func TestCallbackSettingsSayWhatIsWrong(t *testing.T) {
	require.Empty(t, CallbackSettings{}.Check())
	require.Empty(t, CallbackSettings{}.WithDefaults().Check())
	wrong := CallbackSettings{
		Country: "de", Modes: []CallbackMode{"later"}, Zone: "Berlin", Bucket: 7, Capacity: -1, Blocked: []string{"0900"}, Duplicate: "both", Notify: "support",
		Origins: []string{"https://example.org/page"}, DialURL: "pbx", DialKey: "secret", Limit: 1 << 30,
	}
	var fields []string
	for _, e := range wrong.Check() {
		fields = append(fields, e.Field)
	}
	require.ElementsMatch(t, []string{
		"capacity", "limit_minutes", "bucket_minutes", "modes", "country", "blocked", "zone", "duplicate", "text", "origins", "dial_url", "dial_secret",
	}, fields)
}
