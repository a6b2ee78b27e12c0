package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"parley/interaction"
)

// CallbackPlace gives an enabled entry point of channel callback with its policies; unknown where there is none.
func (s *Store) CallbackPlace(ctx context.Context, entryPoint string) (interaction.CallbackPlace, error) {
	place, err := callbackPlace(ctx, s.pool, s.hours, entryPoint)
	return place, translate(err)
}

func callbackPlace(ctx context.Context, q querier, hours Hours, entryPoint string) (interaction.CallbackPlace, error) {
	return one(ctx, q, "entry_point", func(row pgx.CollectableRow) (interaction.CallbackPlace, error) {
		var p interaction.CallbackPlace
		var settings *interaction.CallbackSettings
		var zone string
		if err := row.Scan(&p.EntryPoint, &p.Name, &settings, &p.Calendar, &zone, &p.Language, &p.Now); err != nil {
			return p, err
		}
		if settings == nil {
			settings = &interaction.CallbackSettings{}
		}
		p.Settings = settings.WithDefaults()
		if p.Settings.Zone != "" {
			zone = p.Settings.Zone
		}
		var err error
		if p.Zone, err = time.LoadLocation(zone); err != nil { // of a configuration that was checked where more zones are known
			p.Zone = time.UTC
		}
		if p.Hours, err = hours.Hours(p.Calendar); err != nil { // a calendar that cannot be read closes nobody's line
			p.Hours = allHours{}
		}
		return p, nil
	}, `select e.name, e.from_name, e.callback, c.definition, coalesce(c.definition->>'zone', 'UTC'), e.language, now() from entry_points e join queues q on q.name = e.queue
		left join calendars c on c.name = coalesce(e.calendar, q.calendar) where e.name = $1 and e.channel = 'callback' and e.enabled`, entryPoint)
}

// CallbackSlots gives the times of [from, to) that have room, in a zone (empty: the entry point's).
func (s *Store) CallbackSlots(ctx context.Context, entryPoint, zone string, from, to time.Time) ([]interaction.CallSlotView, error) {
	place, err := s.CallbackPlace(ctx, entryPoint)
	if err != nil {
		return nil, err
	}
	in := place.Zone
	if zone != "" {
		if in, err = time.LoadLocation(zone); err != nil || zone == "Local" {
			return nil, interaction.Invalid("bad_zone", "zone", "is no time zone such as Europe/Berlin")
		}
	}
	taken, err := slotsTaken(ctx, s.pool, entryPoint, from, to)
	if err != nil {
		return nil, translate(err)
	}
	list := []interaction.CallSlotView{}
	for at := range place.Slots(from, to) {
		if free := place.Settings.Capacity - taken[at]; free > 0 {
			list = append(list, interaction.CallSlotView{At: at.In(in), Free: free})
		}
	}
	return list, nil
}

// slotsTaken gives how many callbacks are booked in each slot of [from, to).
func slotsTaken(ctx context.Context, q querier, entryPoint string, from, to time.Time) (map[time.Time]int, error) {
	rows, err := q.Query(ctx, `select at, taken from callback_slots where entry_point = $1 and at >= $2 and at < $3 and taken > 0`, entryPoint, from, to)
	if err != nil {
		return nil, err
	}
	taken := map[time.Time]int{}
	var at time.Time
	var n int
	_, err = pgx.ForEachRow(rows, []any{&at, &n}, func() error {
		taken[at.UTC()] = n
		return nil
	})
	return taken, err
}

// callTime checks when somebody wants to be called. What cannot be had is refused with the next time that has room.
func (t *tx) callTime(ctx context.Context, place *interaction.CallbackPlace, w interaction.CallWhen) (interaction.CallTime, error) {
	when, err := place.Time(w)
	if err == nil {
		return when, nil
	}
	return when, t.withNext(ctx, place, when.Slot, err)
}

// withNext adds to an error of a time which one can be had instead.
func (t *tx) withNext(ctx context.Context, place *interaction.CallbackPlace, wanted time.Time, refused error) error {
	e, ok := refused.(*interaction.Error) //nolint:errorlint // ours, as it was made
	if !ok {
		return refused
	}
	switch e.Code {
	case interaction.CodeTimePast, interaction.CodeTimeFar, interaction.CodeTimeClosed, interaction.CodeTimeMissing, interaction.CodeTimeOff, interaction.CodeSlotFull:
	default:
		return refused
	}
	if wanted.IsZero() || e.Code == interaction.CodeTimeFar {
		wanted = place.Now
	}
	end := place.Now.AddDate(0, 0, place.Settings.Horizon+1)
	taken, err := slotsTaken(ctx, t, place.EntryPoint, place.Now, end)
	if err != nil {
		return err
	}
	for at := range place.Slots(wanted, end) {
		if taken[at] < place.Settings.Capacity {
			return e.With(interaction.DetailNext, at.In(place.Zone).Format(time.RFC3339))
		}
	}
	return e
}

// person is who wants to be called, checked.
type person struct {
	phone             interaction.PhoneNumber
	email, name       string
	topic, text, lang string
	chat              interaction.ID // that the request comes of; empty: none
}

// Bounds of what a customer writes.
const (
	maxCallName = 200
	maxCallText = 4000
)

// person checks who wants to be called.
func (s *Store) person(place *interaction.CallbackPlace, r interaction.CallRequest) (p person, err error) {
	if p.phone, err = s.callNumber(place, r.Phone); err != nil {
		return p, err
	}
	for _, f := range []struct {
		field, value string
		most         int
		into         *string
	}{{"name", r.Name, maxCallName, &p.name}, {"topic", r.Topic, maxCallName, &p.topic}, {"text", r.Text, maxCallText, &p.text}, {"language", r.Language, 35, &p.lang}} {
		if len([]rune(f.value)) > f.most {
			return p, interaction.Invalid("too_long", f.field, "is longer than %d characters", f.most)
		}
		*f.into = strings.TrimSpace(strings.Map(func(c rune) rune {
			if c == unicode.ReplacementChar || unicode.IsControl(c) && c != '\n' && c != '\t' {
				return -1
			}
			return c
		}, strings.ToValidUTF8(f.value, "")))
	}
	p.chat = r.Chat
	if r.Email != "" {
		if p.email = mailAddress(r.Email); p.email == "" {
			return p, interaction.Invalid("bad_email", "email", "is no email address")
		}
	}
	return p, nil
}

// callNumber reads a number that may be called.
func (s *Store) callNumber(place *interaction.CallbackPlace, text string) (interaction.PhoneNumber, error) {
	if strings.TrimSpace(text) == "" {
		return interaction.PhoneNumber{}, interaction.Invalid("required", "phone", "say what number to call")
	}
	n, err := s.numbers.Number(text, place.Settings.Country)
	if err != nil {
		return n, interaction.Invalid("bad_number", "phone", "is no telephone number that can be called; write it with its country, as +49 30 901820")
	}
	if !mayCall(place.Settings, n) {
		return n, interaction.Invalid("number_not_allowed", "phone", "is a number that is not called from here")
	}
	return n, nil
}

func mayCall(s interaction.CallbackSettings, n interaction.PhoneNumber) bool {
	for _, b := range s.Blocked {
		if strings.HasPrefix(n.E164, b) {
			return false
		}
	}
	if n.Costly && !s.Premium {
		return false
	}
	for _, c := range s.Countries {
		if c == n.Region {
			return true
		}
	}
	return len(s.Countries) == 0
}

// Numbers reads telephone numbers.
type Numbers interface {
	// Number reads one; without a country in it, as one of region (two letters; empty: it must have one).
	Number(text, region string) (interaction.PhoneNumber, error)
}

// plainNumbers reads what is E.164 already.
type plainNumbers struct{}

// Number takes + and 8 to 15 digits.
func (plainNumbers) Number(text, _ string) (interaction.PhoneNumber, error) {
	digits := strings.TrimPrefix(text, "+")
	if digits == text || len(digits) < 8 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return interaction.PhoneNumber{}, interaction.Invalid("bad_number", "phone", "is not E.164")
	}
	return interaction.PhoneNumber{E164: text}, nil
}

// requestHash tells one request from another under the same key.
func requestHash(r interaction.CallRequest) ([]byte, error) {
	text, err := json.Marshal(r)
	sum := sha256.Sum256(text)
	return sum[:], err
}

const callbackColumns = `select c.interaction_id, c.entry_point, i.queue, c.phone, c.extension, c.email, c.name, i.subject, coalesce(m.body, ''), i.language, c.mode, c.zone, c.local,
	c.slot_at, c.due_at, c.expires_at, c.state, c.outcome, c.tries, c.most, t.id, coalesce(t.state, ''), t.agent_id, c.dialled_at, c.dial_state, c.booked_at, c.ended_at, c.version
	from callbacks c join all_interactions i on i.id = c.interaction_id left join messages m on m.interaction_id = c.interaction_id and m.number = 1
	left join tasks t on t.id = c.task_id `

func scanCallback(row pgx.CollectableRow) (interaction.Call, error) {
	var c interaction.Call
	var slot, dialled, ended *time.Time
	err := row.Scan(&c.ID, &c.EntryPoint, &c.Queue, &c.Phone, &c.Extension, &c.Email, &c.Name, &c.Topic, &c.Text, &c.Language, &c.Mode, &c.Zone, &c.Local,
		&slot, &c.Due, &c.Expires, &c.State, &c.Outcome, &c.Tries, &c.Most, &c.Task, &c.TaskState, &c.Agent, &dialled, &c.DialState, &c.Booked, &ended, &c.Version)
	c.Slot, c.Dialled, c.Ended = orZero(slot), orZero(dialled), orZero(ended)
	return c, err
}

func callback(ctx context.Context, q querier, id interaction.ID) (interaction.Call, error) {
	return one(ctx, q, "callback", scanCallback, callbackColumns+`where c.interaction_id = $1`, id)
}

// Callback gives a callback that the actor may know of.
func (s *Store) Callback(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Call, error) {
	if err := s.seesInteraction(ctx, by, id); err != nil {
		if interaction.KindOf(err) == interaction.KindUnknown {
			err = interaction.Unknown("callback")
		}
		return interaction.Call{}, err
	}
	return callback(ctx, s.pool, id)
}

// Callbacks gives callbacks that the actor may know of, those that are due first at the top.
func (s *Store) Callbacks(ctx context.Context, by interaction.Actor, f interaction.CallbackFilter, page interaction.Page) (interaction.Listed[interaction.Call], error) {
	q := asked(by, listedInteractions)
	equal(q, "c.entry_point", f.EntryPoint)
	equal(q, "c.phone", f.Phone)
	oneOf(q, "c.state", f.States)
	if page.After != "" {
		var due time.Time
		var id interaction.ID
		if err := after(page.After, &due, &id); err != nil {
			return interaction.Listed[interaction.Call]{}, err
		}
		q.and("(c.due_at, c.interaction_id) > (?, ?)", due, id)
	}
	return collect(ctx, s, q, page, scanCallback, callbackColumns, "c.due_at, c.interaction_id", func(c interaction.Call) string { return keyOf(c.Due.UTC().Format(time.RFC3339Nano), c.ID) })
}

// CallbackByToken gives what a customer's link is about.
func (s *Store) CallbackByToken(ctx context.Context, token string) (interaction.Call, error) {
	key, err := s.replyKey(ctx)
	if err != nil {
		return interaction.Call{}, err
	}
	id := linkOf(key, callbackLink, token)
	if id == "" {
		return interaction.Call{}, interaction.Unknown("callback")
	}
	return callback(ctx, s.pool, id)
}

// CallbackKey is this house's own key for form tokens of callbacks.
func (s *Store) CallbackKey(ctx context.Context) ([]byte, error) {
	house, err := s.replyKey(ctx)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, house)
	mac.Write([]byte("callback forms 1"))
	return mac.Sum(nil), nil
}

// callbackLink is the purpose of a customer's links.
const callbackLink = "callback 1 "
