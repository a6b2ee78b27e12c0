package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/store"
	"parley/store/storetest"
)

// good is a configuration that each broken one spoils in one place.
const good = `groups:
  - { name: service }
queues:
  - name: service
    group: service
    review_percent: 50
    chain:
      - { kind: skill, name: orders, level: 7, seconds: 30 }
agents:
  - { login: ann, name: Ann, role: agent, groups: [service], skills: { orders: 8 }, limits: { email: 3, total: 10 } }
entry_points:
  - { name: support, channel: email, address: support@example.test, workflow: Email, queue: service, language: en }
  - { name: chat, channel: chat, address: chat, workflow: Chat, queue: service, chat: { mail: support, greeting: { en: "Hi {{ contact.email }}" }, texts: { closed: { en: "Closed" } } } }
categories:
  - { name: orders, auto_threshold: 0.9 }
responses:
  - { name: thanks, language: en, usage: acknowledgement, text: "Dear {{ contact.name }}" }
rules:
  - { id: urgent, enabled: true, when: { field: subject, op: regex_find, text: 'urgent' }, then: { priority: 5 } }
reasons:
  - { name: lunch }
dispositions:
  - { name: solved, queues: [service], channels: [email] }
forms:
  - { name: quality, questions: [{ id: right, text: "Is it right?", weight: 2 }] }
review_policies:
  - { name: normal, queue: service, form: quality, floor: 10, ceiling: 80, rise: 20, fall: 5, deadline_seconds: 600, overdue: release }
`

// brokenFiles spoil the good configuration: what is replaced by what, and what the one line has to tell: key, value and remedy.
var brokenFiles = []struct{ name, old, new, tells string }{
	{"a tab for blanks", "    group: service", "\tgroup: service", "is no YAML"},
	{"a bracket that stays open", "groups: [service], skills", "groups: [service, skills", "is no YAML"},
	{"a quote that stays open", `"Is it right?"`, `"Is it right?`, "is no YAML"},
	{"a list that is none", "reasons:\n  - { name: lunch }", "reasons: lunch", `:20: reasons = "lunch": is not a list; write one entry a line`},
	{"a thing that is a text", "  - { name: lunch }", "  - lunch", `reasons[0] = "lunch": is not a set of settings; write`},
	{"a list for a text", "name: Ann, role", "name: [Ann], role", `agents[0].name: is not a text; write a text`},
	{"an unknown list", "groups:\n", "group:\n", `group: there is no such setting here; write groups`},
	{"a misspelt setting", "review_percent: 50", "review_precent: 50", `:6: queues[0].review_precent: there is no such setting here`},
	{"a setting with a hyphen", "review_percent: 50", "review-percent: 50", `queues[0].review-percent: there is no such setting here; write review_percent`},
	{"a setting twice", "review_percent: 50", "group: service", `queues[0].group: is there twice; leave one out`},
	{"words for a number", "review_percent: 50", "review_percent: half", `:6: queues[0].review_percent = "half": is not a whole number; write a whole number`},
	{"a fraction for a whole number", "level: 7", "level: 7.5", `queues[0].chain[0].level = "7.5": is not a whole number`},
	{"a greeting with an unknown field", "Hi {{ contact.email }}", "Hi {{ contact.nick }}", `chat.greeting.en = "contact.nick"`},
	{"a text that nobody says", "texts: { closed:", "texts: { open:", `"open" is none of closed, nobody`},
	{"mail by an entry point that is not there", "mail: support", "mail: post", `chat.mail = "post": there is no such name`},
	{"yes for true", "enabled: true", "enabled: sure", `rules[0].enabled = "sure": is not true or false; write true or false`},
	{"a number in quotes", "deadline_seconds: 600", "deadline_seconds: '600'", `review_policies[0].deadline_seconds = "600": is not a whole number`},
	{"a unit with a number", "seconds: 30", "seconds: 30s", `queues[0].chain[0].seconds = "30s": is not a whole number`},
	{"a second document", "reasons:\n", "---\nreasons:\n", "has a second document; put it into a file of its own"},
	{"percent above 100", "review_percent: 50", "review_percent: 101", `queues "service": review_percent = 101: is out of bounds; write a number from 0 to 100`},
	{"a skill level of 11", "level: 7", "level: 11", `queues "service": chain[0].level = 11: is out of bounds; write a number from 1 to 10`},
	{"an agent's skill of 11", "orders: 8", "orders: 11", `agents "ann": skills.orders = 11: is out of bounds; write a number from 1 to 10`},
	{"no room for anything", "total: 10", "total: 0", `agents "ann": limits.total = 0: is out of bounds; write a number from 1 to 1000`},
	{"a negative limit", "email: 3", "email: -3", `agents "ann": limits.email = -3: is out of bounds`},
	{"a limit of an unknown class", "email: 3", "fax: 3", `agents "ann": limits.fax = "fax": is not known; name one of email`},
	{"an unknown role", "role: agent", "role: king", `agents "ann": role = "king": is not known; name one of agent, senior, supervisor, designer, admin`},
	{"no name of a person", "name: Ann, role", "role", `agents "ann": name = "": is missing; write the person's name`},
	{"no login", "login: ann, ", "", `agents "": login = "": is missing; give it a name`},
	{"a bad address of a person", "name: Ann,", "name: Ann, email: ann,", `agents "ann": email = "ann": is not an email address; write it as name@example.org`},
	{"an unknown target", "kind: skill", "kind: talent", `queues "service": chain[0].kind = "talent": is not known; name one of last_agent, agent, skill, group, queue`},
	{"a negative time", "seconds: 30", "seconds: -30", `queues "service": chain[0].seconds = -30: is out of bounds`},
	{"no group of a queue", "    group: service\n", "", `queues "service": group = "": is missing; name the group`},
	{"an unknown channel", "channel: email", "channel: pigeon", `entry_points "support": channel = "pigeon": is not known; name one of email`},
	{"an unknown workflow", "workflow: Email", "workflow: Letter", `entry_points "support": workflow = "Letter": is not known; name one of Email`},
	{"no address at all", "support@example.test", "support", `entry_points "support": address = "support": is not an email address; write it as name@example.org`},
	{"two entry points of one address", "entry_points:\n", "entry_points:\n  - { name: other, channel: email, address: Support@example.test, workflow: Email, queue: service }\n", `entry_points "support": address = "support@example.test": is the address of entry point "other" already; give each its own`},
	{"an unknown language", "queue: service, language: en", "queue: service, language: english", `entry_points "support": language = "english": is not a language; write a tag such as en or de`},
	{"a threshold in percent", "auto_threshold: 0.9", "auto_threshold: 90", `categories "orders": auto_threshold = 90: is out of bounds; write a number from 0 to 1`},
	{"an unknown usage", "usage: acknowledgement", "usage: greeting", `responses "thanks": usage = "greeting": is not known; name one of acknowledgement, auto_response, suggestion, snippet`},
	{"an unknown field of a text", "contact.name", "contact.nam", `responses "thanks": text = "contact.nam": line 1, column`},
	{"a field code that stays open", "contact.name }}", "contact.name", `responses "thanks": text`},
	{"no text of a response", `text: "Dear {{ contact.name }}"`, `text: ""`, `responses "thanks": text = "": is missing; write the text`},
	{"a pattern that does not compile", "text: 'urgent'", "text: '(urgent'", `rules "urgent": when.text = "(urgent": at byte`},
	{"an unknown comparison", "op: regex_find", "op: looks_like", `rules "urgent": when.op = "looks_like": at byte`},
	{"an unknown field of a rule", "field: subject", "field: sujet", `rules "urgent": when.field = "sujet": at byte`},
	{"the same name twice", "  - { name: lunch }", "  - { name: lunch }\n  - { name: lunch }", `reasons "lunch": name = "lunch": is there twice; leave one of them out`},
	{"a disposition that is no code", "name: solved", "name: Solved it", `dispositions "Solved it": name = "Solved it": is not a code; write up to 60 of a-z, 0-9 and _`},
	{"a form without questions", `questions: [{ id: right, text: "Is it right?", weight: 2 }]`, "questions: []", `forms "quality": questions = (none): is empty; a form asks at least one question`},
	{"a negative weight", "weight: 2", "weight: -2", `forms "quality": questions[0].weight = -2: is out of bounds`},
	{"a floor above the ceiling", "floor: 10", "floor: 90", `review_policies "normal": ceiling = 80: is out of bounds; write a number from 90 to 100`},
	{"an unknown end of a deadline", "overdue: release", "overdue: panic", `review_policies "normal": overdue = "panic": is not known; name one of release, reassign, escalate`},
	{"an end without a deadline", "deadline_seconds: 600, ", "", `review_policies "normal": overdue = "release": has no deadline; write deadline_seconds or objective_percent`},
	{"a misspelt group", "    group: service", "    group: servce", `queues "service": group = "servce": there is no such name in groups; name one of service`},
	{"a misspelt queue", "queue: service, language", "queue: services, language", `entry_points "support": queue = "services": there is no such name in queues; name one of service`},
	{"a misspelt group of a person", "groups: [service]", "groups: [sales]", `agents "ann": groups[0] = "sales": there is no such name in groups; name one of service`},
	{"a misspelt form", "form: quality", "form: qualitty", `review_policies "normal": form = "qualitty": there is no such name in forms; name one of quality`},
	{"a rule to a queue that is none", "then: { priority: 5 }", "then: { queue: fast }", `rules "urgent": then.queue = "fast": there is no such name in queues; name one of service`},
	{"labelled texts that are not there", "reasons:\n", "training:\n  - { language: en, file: none.csv }\nreasons:\n", `none.csv: training.file: cannot be read (no such file or directory); name a CSV file`},
}

// brokenSettings are arguments that no server comes up with.
var brokenSettings = []struct{ arguments, tells string }{
	{"up --http=8080", `PARLEY_HTTP="8080" is not host:port; write for example 127.0.0.1:8080`},
	{"up --http=localhost:99999", `PARLEY_HTTP="localhost:99999" is not host:port`},
	{"up --smtp=:smtp2", `PARLEY_SMTP=":smtp2" is not host:port`},
	{"up --smart-host=relay", `PARLEY_SMARTHOST="relay" is not host:port`},
	{"up --temporal=temporal", `TEMPORAL_ADDRESS="temporal" is not host:port`},
	{"up --database-url=mysql://a/b", `PARLEY_DATABASE_URL is not of the form postgres://user:password@host:port/name`},
	{"up --role=worker,boss", `PARLEY_ROLE="boss" is none of api, adapters, intake, relay, worker, dispatcher`},
	{"up --home=", `PARLEY_HOME is empty; name a directory`},
	{"up --log-level=loud", `--log-level must be one of "debug","info","warn","error" but got "loud"`},
	{"up --smart-tls=maybe", `--smart-tls must be one of "none","opportunistic","required","implicit" but got "maybe"`},
	{"up --hostname=a_b", `PARLEY_HOSTNAME="a_b" is not a host's name`},
	{"up --smart-host=relay:25 --smart-user=u", `PARLEY_SMARTHOST_USER="u" has no password; set PARLEY_SMARTHOST_PASSWORD too`},
	{"up", `PARLEY_DATABASE_URL and TEMPORAL_ADDRESS are needed`},
	{"up --no-such", `unknown flag --no-such`},
	{"apply", `missing flags: --file=STRING`},
	{"apply -f /no/such/directory", `/no/such/directory: cannot be read (no such file or directory); name a YAML file`},
	{"frobnicate", `unexpected argument frobnicate`},
}

// Each broken configuration is told in one line with key, value and remedy within a second, by exit code 78, and changes nothing (target O5).
func TestBrokenConfigurationsAreTold(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	url := s.Pool().Config().ConnString()
	path := filepath.Join(t.TempDir(), "house.yaml")
	told := func(t *testing.T, tells string, arguments ...string) {
		t.Helper()
		var out strings.Builder
		begun := time.Now()
		code := command(t.Context(), arguments, &out)
		took := time.Since(begun)
		require.Equal(t, exitConfig, code, out.String())
		require.Equal(t, 1, strings.Count(out.String(), "\n"), "one line: %s", out.String())
		require.Contains(t, out.String(), tells)
		require.Less(t, took, time.Second)
	}
	require.GreaterOrEqual(t, len(brokenFiles), 50)
	for _, c := range brokenFiles {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, 1, strings.Count(good, c.old), "the test's own mistake: %q", c.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(good, c.old, c.new, 1)), 0o600))
			told(t, c.tells, "apply", "--database-url", url, "-f", path)
		})
	}
	var groups int
	require.NoError(t, s.Pool().QueryRow(t.Context(), `select count(*) from groups`).Scan(&groups))
	require.Zero(t, groups, "something was applied")
	for _, name := range []string{"PARLEY_DATABASE_URL", "TEMPORAL_ADDRESS"} {
		t.Setenv(name, "")
		require.NoError(t, os.Unsetenv(name))
	}
	for _, c := range brokenSettings {
		t.Run(c.arguments, func(t *testing.T) {
			arguments := strings.Fields(c.arguments)
			if arguments[0] == "apply" {
				arguments = append(arguments, "--database-url", url)
			}
			told(t, c.tells, arguments...)
		})
	}
}

// The good configuration is good, a file's faults are told with file and line, and several are several lines.
func TestFaultsHaveTheirPlaces(t *testing.T) {
	s := storetest.Empty(t, store.Options{})
	url := s.Pool().Config().ConnString()
	path := filepath.Join(t.TempDir(), "house.yaml")
	wrong := strings.NewReplacer("group: service\n", "group: x\n", "form: quality,", "form: y,").Replace(good)
	require.NoError(t, os.WriteFile(path, []byte(wrong), 0o600))
	var out strings.Builder
	require.Equal(t, exitConfig, command(t.Context(), []string{"apply", "--database-url", url, "-f", path}, &out))
	require.Equal(t, `parley: `+path+`:4: queues "service": group = "x": there is no such name in groups; name one of service
parley: `+path+`:27: review_policies "normal": form = "y": there is no such name in forms; name one of quality
`, out.String())
	require.NoError(t, os.WriteFile(path, []byte(good), 0o600))
	require.Zero(t, command(t.Context(), []string{"apply", "--database-url", url, "-f", path}, &out), out.String())
}
