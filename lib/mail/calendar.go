package mail

import (
	"strings"
	"time"
)

// calendarText makes an invitation readable: the fields of an iCalendar object
// (RFC 5545) that a person asks for, in that order. It is empty where there is no event in it.
func calendarText(source string) string {
	var b strings.Builder
	method := ""
	for _, e := range calendarEvents(unfoldCalendar(source), &method) {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		for _, f := range calendarFields {
			if value := e[f.name]; value != "" {
				b.WriteString(f.shown + ": " + value + "\n")
			}
		}
		if about := e["DESCRIPTION"]; about != "" {
			b.WriteString("\n" + about + "\n")
		}
	}
	if b.Len() > 0 && method != "" {
		return "Invitation (" + method + ")\n" + b.String()
	}
	return b.String()
}

var calendarFields = []struct{ name, shown string }{
	{"SUMMARY", "What"}, {"DTSTART", "Start"}, {"DTEND", "End"}, {"DUE", "Due"}, {"RRULE", "Repeats"}, {"LOCATION", "Where"}, {"ORGANIZER", "From"}, {"STATUS", "Status"}, {"ATTENDEE", "Answer"},
}

// maxEvents bounds how many events are shown.
const maxEvents = 20

// calendarEvents reads events and tasks; what is inside of an event, such as an alarm, is left out.
func calendarEvents(content []string, method *string) (events []map[string]string) {
	var now map[string]string
	inner := 0
	for _, line := range content {
		name, params, value := calendarLine(line)
		switch upper := strings.ToUpper(value); {
		case name == "METHOD":
			*method = strings.ToLower(oneLine(value))
		case name == "BEGIN" && now == nil && (upper == "VEVENT" || upper == "VTODO"):
			now = map[string]string{}
		case name == "BEGIN" && now != nil:
			inner++
		case name == "END" && inner > 0:
			inner--
		case name == "END" && now != nil:
			events, now = append(events, now), nil
			if len(events) >= maxEvents {
				return events
			}
		case now == nil || inner > 0 || now[name] != "":
		case name == "DTSTART" || name == "DTEND" || name == "DUE":
			now[name] = calendarTime(params, value)
		case name == "ORGANIZER":
			now[name] = strings.TrimPrefix(strings.TrimPrefix(oneLine(value), "mailto:"), "MAILTO:")
		case name == "ATTENDEE":
			if *method == "reply" {
				now[name] = strings.ToLower(calendarParam(params, "PARTSTAT"))
			}
		default:
			now[name] = strings.TrimSpace(strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value))
		}
	}
	return events
}

func unfoldCalendar(source string) []string {
	s := strings.NewReplacer("\n ", "", "\n\t", "").Replace(lines(source))
	return strings.Split(s, "\n")
}

// calendarLine splits NAME;PARAMS:VALUE; a colon inside quotes belongs to the parameters.
func calendarLine(line string) (name, params, value string) {
	quoted := false
	for i := range len(line) {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				name, params, _ = strings.Cut(line[:i], ";")
				return strings.ToUpper(name), params, line[i+1:]
			}
		}
	}
	return "", "", ""
}

func calendarParam(params, name string) string {
	for _, p := range strings.Split(params, ";") {
		if key, value, ok := strings.Cut(p, "="); ok && strings.EqualFold(key, name) {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// calendarTime shows a date or a time, with the zone that it names.
func calendarTime(params, value string) string {
	zone := calendarParam(params, "TZID")
	for form, shown := range map[string]string{"20060102": "2006-01-02", "20060102T150405": "2006-01-02 15:04", "20060102T150405Z": "2006-01-02 15:04 UTC"} {
		if at, err := time.Parse(form, value); err == nil {
			if zone != "" && !strings.HasSuffix(value, "Z") {
				return at.Format(shown) + " (" + zone + ")"
			}
			return at.Format(shown)
		}
	}
	return oneLine(value)
}
