package house

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule says what the packages below a folder may import beside the standard library. An entry stands for itself and all
// below it; "*" stands for every package that is not of this module.
type rule struct {
	folder string
	may    []string
	never  []string
	// ownSubject: of the folder's own packages only those below the same first name, such as adapters/smtp.
	ownSubject bool
	also       []string // exceptions from ownSubject
}

// rules is the house; the first folder that fits wins. See docs/design.md.
var rules = []rule{
	{folder: "interaction"},
	{
		folder: "lib", ownSubject: true,
		may:   []string{"parley/interaction", "*"},
		never: []string{"go.temporal.io", "github.com/jackc", "github.com/gin-gonic", "github.com/danielgtaylor/huma"},
	},
	{folder: "routing", may: []string{"parley/interaction", "parley/lib/calendar", "parley/routing"}},
	// The parts that understanding composes answer its interfaces in its own types; it knows none of them.
	activitiesRule("activities/screening", "parley/activities/understanding"),
	activitiesRule("activities/categorization", "parley/activities/understanding"),
	activitiesRule("activities/autoresponse", "parley/activities/understanding"),
	activitiesRule("activities"),
	{
		folder: "workflows",
		may: []string{
			"parley/interaction", "parley/lib/calendar", "parley/activities", "parley/workflows",
			sdk + "workflow", sdk + "temporal", sdk + "log", // log: what GetLogger returns
		},
	},
	{
		// The client's connection takes gRPC's options: interceptors that count calls.
		folder: "engine",
		may: []string{
			"parley/interaction", sdk + "client", sdk + "temporal", sdk + "log", "go.temporal.io/api", "google.golang.org/grpc",
		},
	},
	{
		folder: "adapters", ownSubject: true,
		may: []string{"parley/interaction", "parley/lib", "*"},
		never: []string{
			"go.temporal.io", "github.com/jackc", "github.com/gin-gonic", "github.com/danielgtaylor/huma",
		},
	},
	{
		folder: "api",
		may: []string{
			"parley/interaction", "parley/routing", "parley/lib", "parley/api",
			"github.com/gin-gonic", "github.com/danielgtaylor/huma", "golang.org/x/time/rate",
		},
	},
	{folder: "store", may: []string{"parley/interaction", "parley/store", "github.com/jackc/pgx", "github.com/jackc/tern"}},
	{
		// The SDK's worker takes its client, and options from activity and workflow at registration.
		folder: "workers",
		may: []string{
			"parley/workflows", "parley/activities", "parley/routing", "parley/interaction", "parley/workers",
			sdk + "worker", sdk + "client", sdk + "activity", sdk + "workflow",
		},
	},
	{folder: "web"},
	{folder: "cmd", may: []string{"parley", "*"}, never: []string{"go.temporal.io/server"}},
	{folder: "test", may: []string{"parley", "*"}, never: []string{"parley/cmd", "go.temporal.io/server"}},
	{folder: "bench", may: []string{"parley", "*"}, never: []string{"parley/cmd", "go.temporal.io/server"}},
}

const sdk = "go.temporal.io/sdk/"

func activitiesRule(folder string, also ...string) rule {
	return rule{
		folder: folder, ownSubject: true, also: also,
		may: []string{"parley/interaction", "parley/routing", "parley/lib", sdk + "activity", sdk + "temporal", sdk + "log"},
	}
}

// inTests is what tests may import beside what their folder may.
var inTests = []string{
	"github.com/stretchr/testify", "github.com/google/go-cmp", "pgregory.net/rapid",
	sdk + "testsuite", sdk + "worker", sdk + "client", sdk + "mocks", sdk + "converter", sdk + "interceptor",
	"parley/adapters/adaptertest", "parley/store/storetest", "parley/activities/activitiestest",
	"parley/workers", // histories are replayed by the workers' own registration
}

func TestImports(t *testing.T) {
	checked := 0
	for _, file := range tracked(t) {
		if path.Ext(file) != ".go" || strings.HasPrefix(file, "standalone/") {
			continue
		}
		checked++
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if reason := refuse(file, imported); reason != "" {
				t.Errorf("%s imports %s: %s", file, imported, reason)
			}
		}
	}
	require.Positive(t, checked)
}

// refuse says why a file may not import a package; empty if it may.
func refuse(file, imported string) string {
	if isStandard(imported) {
		return ""
	}
	directory := path.Dir(file)
	r, found := ruleFor(directory)
	if !found {
		return "its folder has no rule: put it where it belongs or add a rule in test/house/imports_test.go"
	}
	if within(imported, "parley/cmd") && !within(directory, "cmd") {
		return "nobody imports cmd"
	}
	if isTest(file) && (imported == "parley/"+directory || withinAny(imported, inTests)) {
		return ""
	}
	if !isTest(file) && isTest(strings.TrimPrefix(imported, "parley/")+"/") {
		return "only tests import what helps tests"
	}
	if withinAny(imported, r.never) {
		return r.folder + " never imports that"
	}
	if r.ownSubject && within(imported, "parley/"+subject(directory)) {
		return ""
	}
	if withinAny(imported, r.also) {
		return ""
	}
	top, _, _ := strings.Cut(r.folder, "/")
	if r.ownSubject && imported != "parley/"+top && within(imported, "parley/"+top) {
		return "one subject of " + top + " does not know another: declare an interface"
	}
	if withinAny(imported, r.may) || imported == "parley/"+top || isForeign(imported) && slices.Contains(r.may, "*") {
		return ""
	}
	return r.folder + " may import: the standard library " + strings.Join(r.may, " ")
}

// isTest says whether a file is a test or belongs to a package that helps tests, such as store/storetest.
func isTest(file string) bool {
	folder := path.Base(path.Dir(file))
	return strings.HasSuffix(file, "_test.go") || folder != "test" && strings.HasSuffix(folder, "test")
}

func ruleFor(directory string) (rule, bool) {
	for _, r := range rules {
		if within(directory, r.folder) {
			return r, true
		}
	}
	return rule{}, false
}

// subject is the first two names of a directory: adapters/smtp of adapters/smtp/session.
func subject(directory string) string {
	names := strings.SplitN(directory, "/", 3)
	return strings.Join(names[:min(2, len(names))], "/")
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return first != "parley" && !strings.Contains(first, ".")
}

func isForeign(imported string) bool { return !within(imported, "parley") }

func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, strings.TrimSuffix(parent, "/")+"/")
}

func withinAny(name string, parents []string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool { return parent != "*" && within(name, parent) })
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		name, file, imported string
		allowed              bool
	}{
		{"standard library", "interaction/state.go", "encoding/json", true},
		{"the domain imports nothing", "interaction/state.go", "github.com/google/uuid", false},
		{"tests may use testify", "interaction/state_test.go", "github.com/stretchr/testify/require", true},
		{"code may not", "interaction/state.go", "github.com/stretchr/testify/require", false},
		{"a leaf wraps a library", "lib/mail/parse.go", "github.com/jhillyerd/enmime/v2", true},
		{"a leaf and its own part", "lib/mail/parse.go", "parley/lib/mail/charset", true},
		{"a leaf and another", "lib/mail/parse.go", "parley/lib/text", false},
		{"a leaf and the database", "lib/mail/parse.go", "github.com/jackc/pgx/v5", false},
		{"activities and a leaf", "activities/delivery/send.go", "parley/lib/mail", true},
		{"activities and what they share", "activities/delivery/send.go", "parley/activities", true},
		{"one activity and another", "activities/understanding/run.go", "parley/activities/screening", false},
		{"a part of understanding and what it answers", "activities/screening/run.go", "parley/activities/understanding", true},
		{"a part of understanding and another", "activities/screening/run.go", "parley/activities/categorization", false},
		{"another activity and understanding", "activities/review/run.go", "parley/activities/understanding", false},
		{"activities and the store", "activities/delivery/send.go", "parley/store", false},
		{"a workflow and the clock of the SDK", "workflows/email.go", "go.temporal.io/sdk/workflow", true},
		{"a workflow and a client", "workflows/email.go", "go.temporal.io/sdk/client", false},
		{"a workflow and the store", "workflows/flow/run.go", "parley/store", false},
		{"an adapter and its protocol", "adapters/smtp/server.go", "github.com/emersion/go-smtp", true},
		{"an adapter and gin", "adapters/webform/form.go", "github.com/gin-gonic/gin", false},
		{"an adapter and another", "adapters/imap/poll.go", "parley/adapters/smtp", false},
		{"an adapter's test and the suite", "adapters/imap/poll_test.go", "parley/adapters/adaptertest", true},
		{"the store and pgx", "store/task.go", "github.com/jackc/pgx/v5/pgxpool", true},
		{"what helps the store's tests", "store/storetest/storetest.go", "github.com/stretchr/testify/require", true},
		{"a test and what helps it", "workers/relay_test.go", "parley/store/storetest", true},
		{"code and what helps tests", "store/task.go", "parley/store/storetest", false},
		{"a library that helps tests, in code", "store/task.go", "net/http/httptest", true},
		{"the store and the API", "store/task.go", "parley/api", false},
		{"workers and the store", "workers/intake.go", "parley/store", false},
		{"cmd joins everything", "cmd/parley/main.go", "parley/store", true},
		{"tests of the whole and cmd", "test/e2e/email_test.go", "parley/cmd/parley/stack", false},
		{"the server of Temporal", "test/e2e/email_test.go", "go.temporal.io/server/temporal", false},
		{"a folder of no rule", "misc/x.go", "parley/interaction", false},
		{"a name that only begins alike", "store/task.go", "parley/storehouse", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.allowed, refuse(c.file, c.imported) == "", refuse(c.file, c.imported))
		})
	}
}
