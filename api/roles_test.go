package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/interaction"
)

// The people of the table: one of each role in the object's own group, and one of each in a foreign group; dan configures, root administers.
var (
	ownPeople     = []string{"ann", "sue", "vic"}
	foreignPeople = []string{"carl", "sam", "val"}
)

// row says how a route answers. For a route about an object, own holds the statuses for agent, senior and supervisor of the object's
// group and foreign those for the same roles of another group; for others foreign is not used. Every call is made on objects of its own.
type row struct {
	own, foreign    [3]int
	designer, admin int
	body            string
	object          string // what {id} is: interaction, task (waiting), held (by who asks), offered (to who asks), review, contact, draft
	path            string // where it is not the route's own with {id} filled in
}

const notFound = http.StatusNotFound

var (
	allOf   = func(status int) [3]int { return [3]int{status, status, status} }
	unknown = allOf(notFound)
)

// rolesTable has a row for every route that needs a token. A route without one fails the test.
var rolesTable = map[string]row{
	"DELETE /v1/session":                                                   {own: allOf(204), designer: 204, admin: 204},
	"GET /v1/interactions":                                                 {own: allOf(200), designer: 403, admin: 200},
	"POST /v1/interactions":                                                {own: allOf(201), designer: 403, admin: 201, body: `{"entry_point":"support","to":{"address":"a@b.test"},"subject":"Hi","text":"Hello"}`},
	"GET /v1/interactions/{id}":                                            readable("interaction"),
	"GET /v1/interactions/{id}/events":                                     readable("interaction"),
	"GET /v1/interactions/{id}/messages":                                   readable("interaction"),
	"GET /v1/interactions/{id}/messages/{number}/raw":                      readable("interaction"),
	"GET /v1/interactions/{id}/messages/{number}/attachments/{attachment}": readable("interaction"),

	"GET /v1/interactions/{id}/messages/{number}/attachments/{attachment}/thumbnail": {own: allOf(422), foreign: unknown, designer: 403, admin: 422, object: "interaction"},
	"GET /v1/interactions/{id}/messages/{number}/slides":                             {own: allOf(404), foreign: unknown, designer: 403, admin: 404, object: "interaction"},
	"GET /v1/interactions/{id}/messages/{number}/slides/page":                        {own: allOf(404), foreign: unknown, designer: 403, admin: 404, object: "interaction"},

	"GET /v1/interactions/{id}/routing": {own: [3]int{403, 403, 200}, foreign: unknown, designer: 200, admin: 200, object: "interaction"},

	"POST /v1/interactions/{id}/hold":         ordered(`{}`),
	"POST /v1/interactions/{id}/resume":       {own: [3]int{403, 403, 409}, foreign: unknown, designer: 403, admin: 409, body: `{}`, object: "interaction"},
	"POST /v1/interactions/{id}/move":         ordered(`{"queue":"service"}`),
	"POST /v1/interactions/{id}/reassign":     ordered(`{"agent_id":"$ben"}`),
	"POST /v1/interactions/{id}/priority":     ordered(`{"priority":5}`),
	"POST /v1/interactions/{id}/data":         ordered(`{"data":{"order":"12"}}`),
	"POST /v1/interactions/{id}/auto-respond": ordered(`{"response_id":"$invoice"}`),
	"POST /v1/interactions/{id}/recategorize": ordered(`{"category":"billing"}`),
	"POST /v1/interactions/{id}/stop":         ordered(`{"reason":"spam"}`),

	"GET /v1/tasks":                {own: allOf(200), designer: 403, admin: 200},
	"POST /v1/tasks/claim-next":    {own: allOf(200), designer: 403, admin: 200, object: "task", path: "/v1/tasks/claim-next"},
	"GET /v1/tasks/{id}":           readable("task"),
	"GET /v1/tasks/{id}/draft":     readable("draft"),
	"GET /v1/tasks/{id}/routing":   {own: [3]int{403, 403, 200}, foreign: unknown, designer: 200, admin: 200, object: "task"},
	"POST /v1/tasks/{id}/claim":    {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "task"},
	"POST /v1/tasks/{id}/accept":   {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "offered"},
	"POST /v1/tasks/{id}/decline":  held204("offered", ``),
	"POST /v1/tasks/{id}/release":  held204("held", ``),
	"POST /v1/tasks/{id}/transfer": held204("held", `{"queue":"service"}`),
	"POST /v1/tasks/{id}/snooze":   held204("held", `{}`),
	"PUT /v1/tasks/{id}/category":  held204("held", `{"category":"billing"}`),
	"POST /v1/tasks/{id}/complete": held204("held", `{"disposition":"no_answer_needed"}`),
	"POST /v1/tasks/{id}/reply":    {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "held", body: `{"text":"Hello"}`},
	"POST /v1/tasks/{id}/forward":  {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "held", body: `{"to":{"address":"expert@elsewhere.test"},"text":"What do you think?"}`},
	"POST /v1/tasks/{id}/consult":  {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "held", body: `{"group":"service","question":"Why?"}`},
	"PUT /v1/tasks/{id}/draft":     {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "held", body: `{"text":"Hello"}`},

	"GET /v1/outbound":               {own: allOf(200), designer: 403, admin: 200},
	"GET /v1/reviews":                {own: [3]int{403, 200, 200}, designer: 403, admin: 200},
	"GET /v1/reviews/{id}":           {own: [3]int{404, 200, 200}, foreign: unknown, designer: 403, admin: 200, object: "review"},
	"POST /v1/reviews/{id}/decision": {own: [3]int{404, 204, 204}, foreign: unknown, designer: 403, admin: 204, object: "review", body: `{"decision":"approve"}`},

	"GET /v1/interactions/{id}/messages/{number}/edits": readable("interaction"),
	"GET /v1/review-rates":                              {own: allOf(200), designer: 403, admin: 200},
	"GET /v1/scorecards":                                {own: allOf(200), designer: 403, admin: 200},

	"GET /v1/chats/{id}":                        readable("chat"),
	"GET /v1/chats/{id}/messages":               readable("chat"),
	"GET /v1/chats/{id}/messages/{number}/file": readable("chat"),
	"POST /v1/chats/{id}/messages":              {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "chat", body: `{"text":"Hello"}`},
	"POST /v1/chats/{id}/join":                  {own: [3]int{404, 404, 200}, foreign: unknown, designer: 403, admin: 200, object: "watched", body: `{"mode":"silent"}`},
	"POST /v1/chats/{id}/leave":                 {own: allOf(409), foreign: unknown, designer: 403, admin: 409, object: "chat"},
	"POST /v1/chats/{id}/end":                   held204("chat", ``),
	"POST /v1/chats/{id}/invite":                {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "chat", body: `{"group":"sales"}`},
	"POST /v1/chats/{id}/files":                 {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "chat", body: "form"},

	"GET /v1/callbacks":              {own: allOf(200), designer: 403, admin: 200},
	"POST /v1/callbacks":             {own: allOf(201), designer: 403, admin: 201, object: "line", path: "/v1/callbacks", body: `{"entry_point":"line","phone":"+4930901820"}`},
	"GET /v1/callbacks/slots":        {own: allOf(200), designer: 403, admin: 200, object: "line", path: "/v1/callbacks/slots?entry_point=line"},
	"GET /v1/callbacks/{id}":         readable("callback"),
	"POST /v1/callbacks/{id}/move":   {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "callback", body: `{"mode":"free"}`},
	"POST /v1/callbacks/{id}/cancel": {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "callback"},
	"POST /v1/callbacks/{id}/dial":   {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "calling"},

	"POST /v1/texts/measure": {own: allOf(200), designer: 403, admin: 200, body: `{"text":"Hello"}`},

	"GET /v1/consents/{channel}/{address}": {own: allOf(200), designer: 403, admin: 200, path: "/v1/consents/sms/+491701234567"},
	"PUT /v1/consents/{channel}/{address}": {own: [3]int{403, 403, 200}, designer: 403, admin: 200, path: "/v1/consents/sms/+491701234567", body: `{"out":false}`},

	"GET /v1/responses":                      {own: allOf(200), designer: 200, admin: 200},
	"GET /v1/categories":                     {own: allOf(200), designer: 200, admin: 200},
	"POST /v1/rules/try":                     {own: allOf(403), designer: 200, admin: 200, body: `{"message":{"text":"Hello"}}`},
	"GET /v1/models":                         {own: allOf(403), designer: 200, admin: 200},
	"GET /v1/models/{id}":                    {own: allOf(403), designer: 200, admin: 200, object: "model", path: "/v1/models/01990000-0000-7000-8000-000000000001"},
	"GET /v1/models/{id}/comparison":         {own: allOf(403), designer: 200, admin: 200, object: "model", path: "/v1/models/01990000-0000-7000-8000-000000000001/comparison?with=01990000-0000-7000-8000-000000000001"},
	"GET /v1/models/{id}/report":             {own: allOf(403), designer: 200, admin: 200, object: "model", path: "/v1/models/01990000-0000-7000-8000-000000000001/report"},
	"POST /v1/models/{id}/activate":          {own: allOf(403), designer: 200, admin: 200, object: "model", path: "/v1/models/01990000-0000-7000-8000-000000000001/activate"},
	"POST /v1/models/rollback":               {own: allOf(403), designer: 409, admin: 409, body: `{"language":"en"}`},
	"GET /v1/models/drift":                   {own: allOf(403), designer: 200, admin: 200},
	"GET /v1/trainings":                      {own: allOf(403), designer: 200, admin: 200},
	"POST /v1/trainings":                     {own: allOf(403), designer: 201, admin: 201, body: `{"language":"en","labels":true}`},
	"GET /v1/trainings/{id}":                 {own: allOf(403), designer: 200, admin: 200, object: "training", path: "/v1/trainings/01990000-0000-7000-8000-000000000002"},
	"POST /v1/trainings/{id}/cancel":         {own: allOf(403), designer: 200, admin: 200, object: "training", path: "/v1/trainings/01990000-0000-7000-8000-000000000002/cancel"},
	"GET /v1/text-sets":                      {own: allOf(403), designer: 200, admin: 200},
	"PUT /v1/text-sets/{name}":               {own: allOf(403), designer: 200, admin: 200, path: "/v1/text-sets/a", body: `{"language":"en","file":"text,category\nx,y\n"}`},
	"DELETE /v1/text-sets/{name}":            {own: allOf(403), designer: 204, admin: 204, object: "set", path: "/v1/text-sets/a"},
	"GET /v1/rules/hits":                     {own: allOf(403), designer: 200, admin: 200},
	"POST /v1/attachments":                   {own: allOf(201), designer: 403, admin: 201, body: "form"},
	"GET /v1/contacts":                       {own: allOf(200), designer: 403, admin: 200},
	"GET /v1/contacts/{id}":                  readable("contact"),
	"GET /v1/contacts/{id}/history":          readable("contact"),
	"GET /v1/contacts/{id}/merges":           readable("contact"),
	"POST /v1/contacts/{id}/merge":           {own: allOf(404), foreign: unknown, designer: 403, admin: 404, object: "contact", body: `{"contact_id":"01990000-0000-7000-8000-000000000001"}`},
	"POST /v1/contacts/{id}/unmerge":         {own: allOf(404), foreign: unknown, designer: 403, admin: 404, object: "contact", body: `{"merge_id":"01990000-0000-7000-8000-000000000001"}`},
	"GET /v1/contacts/{id}/notes":            readable("contact"),
	"PUT /v1/contacts/{id}/surveys":          {own: allOf(204), foreign: unknown, designer: 403, admin: 204, object: "contact", body: `{"asked":false}`},
	"GET /v1/surveys":                        {own: allOf(200), designer: 403, admin: 200},
	"GET /v1/interactions/{id}/survey":       readable("survey"),
	"POST /v1/contacts/{id}/notes":           {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "contact", body: `{"text":"Rings back"}`},
	"GET /v1/interactions/{id}/notes":        readable("interaction"),
	"POST /v1/interactions/{id}/notes":       {own: allOf(201), foreign: unknown, designer: 403, admin: 201, object: "interaction", body: `{"text":"Rings back"}`},
	"GET /v1/reasons":                        {own: allOf(200), designer: 200, admin: 200},
	"GET /v1/dispositions":                   {own: allOf(200), designer: 200, admin: 200},
	"GET /v1/workbins/me":                    {own: allOf(200), designer: 403, admin: 200},
	"GET /v1/workbins/groups/{group}":        {own: allOf(200), designer: 403, admin: 200, path: "/v1/workbins/groups/service"},
	"POST /v1/tasks/{id}/suggestions/reject": {own: allOf(422), foreign: unknown, designer: 403, admin: 422, object: "held", body: `{"response_id":"01990000-0000-7000-8000-000000000009"}`},
	"POST /v1/tasks/{id}/draft/answers":      {own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: "held", body: `{}`},
	"GET /v1/queues":                         {own: allOf(200), designer: 200, admin: 200},
	"GET /v1/agents":                         {own: allOf(200), designer: 200, admin: 200},
	"GET /v1/agents/me":                      {own: allOf(200), designer: 200, admin: 200},
	"PUT /v1/agents/me/state":                {own: allOf(200), designer: 403, admin: 200, body: `{"ready":true}`},
	"PUT /v1/agents/me/password":             {own: allOf(204), designer: 204, admin: 204, body: `{"current":"open sesame","new":"open barley"}`},
	"GET /v1/events":                         {own: allOf(200), designer: 403, admin: 200},
	"GET /v1/links":                          {own: allOf(403), designer: 200, admin: 200},
	"GET /v1/webhooks":                       {own: allOf(403), designer: 200, admin: 200},
	"GET /v1/webhooks/{name}":                {own: allOf(403), designer: 200, admin: 200, object: "webhook", path: "/v1/webhooks/crm"},
	"POST /v1/webhooks/{name}/secret":        {own: allOf(403), designer: 403, admin: 200, object: "webhook", path: "/v1/webhooks/crm/secret"},
}

// spares are the bodies of one more thing of each list of the configuration, which nothing uses.
var spares = map[string]string{
	interaction.ListCalendars: `{"zone":"UTC"}`, interaction.ListGroups: `{"title":"Spare"}`, interaction.ListReasons: `{"title":"Spare"}`,
	interaction.ListForms:       `{"questions":[{"id":"right","text":"Is it right?"}]}`,
	interaction.ListQueues:      `{"group":"service"}`,
	interaction.ListEntryPoints: `{"channel":"email","address":"spare@example.test","workflow":"Email","queue":"service"}`,
	interaction.ListAgents:      `{"name":"Spare","role":"agent"}`, interaction.ListCategories: `{}`,
	interaction.ListResponses: `{"language":"en","usage":"snippet","text":"Spare"}`, interaction.ListRules: `{"enabled":true,"then":{"priority":1}}`,
	interaction.ListDispositions: `{"queues":["sales"],"channels":["chat"]}`, interaction.ListReviewPolicies: `{"queue":"sales","category":"billing"}`,
	interaction.ListSurveys:   `{"questions":[{"key":"how","text":{"en":"How was it?"}}]}`,
	interaction.ListWebhooks:  `{"url":"https://crm.example.test/","events":["send.*"]}`,
	interaction.ListRetention: `{"kind":"raw","channel":"email","days":30}`,
	interaction.ListLinks:     `{"kind":"imap","entry_point":"support","settings":{"host":"mail.example.test"},"secret":"env:PARLEY_LINK_SPARE"}`,
}

// The configuration is for designers and admins; people in it are for admins to change, and are never removed.
func init() {
	for list, body := range spares {
		path := "/v1/configuration/" + list
		all := row{own: allOf(403), designer: 200, admin: 200}
		one := row{own: allOf(403), designer: 200, admin: 200, path: path + "/spare", object: "spare " + list}
		changed, removed := one, one
		changed.body, removed.designer, removed.admin = body, 204, 204
		if list == interaction.ListAgents {
			changed.designer, removed.designer, removed.admin = 403, 403, 409
		}
		rolesTable["GET "+path], rolesTable["GET "+path+"/{name}"] = all, one
		rolesTable["PUT "+path+"/{name}"], rolesTable["DELETE "+path+"/{name}"] = changed, removed
	}
	rolesTable["GET /v1/configuration"] = row{own: allOf(403), designer: 200, admin: 200}
	rolesTable["POST /v1/configuration"] = row{own: allOf(403), designer: 200, admin: 200, body: `{"groups":[{"name":"spare"}]}`}
}

// fixedResponse is the id of the table's standard response.
const fixedResponse = "01990000-0000-7000-8000-0000000000aa"

// Standard responses are read by everybody who may use them, and changed by who configures.
func init() {
	path := "/v1/responses/" + fixedResponse
	shown := row{own: allOf(200), designer: 200, admin: 200, object: "response approved", path: path}
	rolesTable["GET /v1/responses/{id}"] = shown
	shown.path = path + "/attachments/1"
	rolesTable["GET /v1/responses/{id}/attachments/{attachment}"] = shown
	rolesTable["GET /v1/responses/statistics"] = row{own: allOf(403), designer: 200, admin: 200}
	rolesTable["POST /v1/responses/files"] = row{own: allOf(403), designer: 201, admin: 201, body: "form"}
	rolesTable["POST /v1/responses/preview"] = row{own: allOf(404), designer: 404, admin: 404, body: `{"text":"Hello","interaction_id":"01990000-0000-7000-8000-000000000001"}`}
	for _, part := range []string{"versions", "diff", "uses"} {
		rolesTable["GET /v1/responses/{id}/"+part] = row{own: allOf(403), designer: 200, admin: 200, object: "response draft", path: path + "/" + part}
	}
	for order, state := range map[string]string{"approve": "draft", "activate": "approved", "deactivate": "active", "withdraw": "approved"} {
		rolesTable["POST /v1/responses/{id}/"+order] = row{own: allOf(403), designer: 200, admin: 200, object: "response " + state, path: path + "/" + order}
	}
}

func readable(object string) row {
	return row{own: allOf(200), foreign: unknown, designer: 403, admin: 200, object: object}
}

// ordered is for supervisors; the others of the group know the interaction and may not.
func ordered(body string) row {
	return row{own: [3]int{403, 403, 200}, foreign: unknown, designer: 403, admin: 200, object: "interaction", body: body}
}

func held204(object, body string) row {
	return row{own: allOf(204), foreign: unknown, designer: 403, admin: 204, object: object, body: body}
}

func TestEveryRouteForEveryRole(t *testing.T) {
	h := newHouse(t)
	routes := h.server.engine.Routes()
	require.NotEmpty(t, routes)
	checked := 0
	for _, info := range routes {
		r := h.server.routes[info.Method+" "+info.Path]
		require.NotEmpty(t, r.path, "%s %s is not in the list of routes", info.Method, info.Path)
		if r.public {
			continue
		}
		name := r.method + " " + r.path
		row, ok := rolesTable[name]
		if !ok {
			t.Errorf("%s has no row: say who may do what with it", name)
			continue
		}
		checked++
		t.Run(name, func(t *testing.T) { h.checkRow(t, r, row) })
	}
	require.Len(t, rolesTable, checked, "a row has no route")
}

func (h *house) checkRow(t *testing.T, r route, row row) {
	for n, login := range ownPeople {
		h.checkCall(t, r, row, login, "support", row.own[n])
	}
	if row.object != "" && row.path == "" {
		for n, login := range foreignPeople {
			h.checkCall(t, r, row, login, "support", row.foreign[n])
		}
		h.checkUnknown(t, r, row)
	}
	h.checkCall(t, r, row, "dan", "support", row.designer)
	h.checkCall(t, r, row, "root", "support", row.admin)
	nobody := request(t, h.http.URL, "", r.method, strings.NewReplacer("{id}", string(interaction.NewID())).Replace(r.path), "")
	require.Equal(t, 401, nobody.status, nobody)
}

// checkUnknown: what never was is answered as what is foreign.
func (h *house) checkUnknown(t *testing.T, r route, row row) {
	path := fill(r.path, interaction.NewID())
	body := h.named(row.body)
	who := "vic"
	if row.own[2] == 403 { // what only admins may ask about
		who = "root"
	}
	never := h.do(who, r.method, path, body)
	require.Equal(t, notFound, never.status, "%s %s: %s", r.method, path, never)
	malformed := h.do(who, r.method, fill(r.path, "not-an-id"), body)
	require.Equal(t, notFound, malformed.status, malformed)
}

func (h *house) checkCall(t *testing.T, r route, row row, login, entryPoint string, want int) {
	path := row.path
	if path == "" {
		path = fill(r.path, h.object(row.object, login, entryPoint))
	} else {
		h.object(row.object, login, entryPoint)
	}
	var got answered
	switch {
	case row.body == "form":
		body, kind := form(t, "file", "a.txt", "hello")
		got = h.do(login, r.method, path, body, "Content-Type", kind)
	case r.path == "/v1/session":
		got = request(t, h.http.URL, h.token(login), r.method, path, "")
	case r.path == "/v1/events" || r.path == "/v1/statistics/live/stream":
		got = h.firstOfStream(t, login, r.path)
	case r.path == "/v1/agents/me/password":
		h.setPassword(login, "open sesame")
		got = h.do(login, r.method, path, row.body)
	default:
		got = h.do(login, r.method, path, h.named(row.body))
	}
	require.Equal(t, want, got.status, "%s as %s: %s", r.method+" "+path, login, got)
}

func fill(path string, id interaction.ID) string {
	return strings.NewReplacer("{id}", string(id), "{number}", "1", "{attachment}", "1").Replace(path)
}

// named puts ids in the place of names.
func (h *house) named(body string) string {
	body = strings.ReplaceAll(body, "$ben", string(h.people["ben"].Agent))
	if strings.Contains(body, "$invoice") {
		list, err := h.store.Responses(h.t.Context(), interaction.ResponseFilter{Words: "invoice"}, interaction.Page{Limit: 1})
		require.NoError(h.t, err)
		body = strings.ReplaceAll(body, "$invoice", string(list.Items[0].ID))
	}
	return body
}

// object makes a fresh object of the kind for a call by login; a held or offered task is his only if he could have it.
func (h *house) object(kind, login, entryPoint string) interaction.ID {
	h.exec(`update agents set load = '{}', load_total = 0`)
	if list, spare := strings.CutPrefix(kind, "spare "); spare {
		made := h.do("root", put, "/v1/configuration/"+list+"/spare", spares[list])
		require.Equal(h.t, 200, made.status, made)
		return ""
	}
	if state, response := strings.CutPrefix(kind, "response "); response {
		h.exec(`insert into library_files (id, sha256, type, size, data) values ('` + fixedResponse + `', repeat('0', 64), 'text/plain', 5, 'terms') on conflict do nothing`)
		h.exec(`insert into responses (id, name, language, usage, body, files) values ('` + fixedResponse + `', 'fixed', 'en', 'snippet', 'Fixed',
			'[{"name": "terms.txt", "type": "text/plain", "size": 5, "upload": "` + fixedResponse + `"}]') on conflict do nothing`)
		h.exec(`insert into response_versions (response_id, version, name, category, language, usage, subject, body, html, files)
			select id, version, name, category, language, usage, subject, body, html, files from responses where name = 'fixed' on conflict do nothing`)
		h.exec(`update responses set state = $1 where name = 'fixed'`, state)
		return ""
	}
	switch kind {
	case "interaction":
		id, _ := h.arrive(entryPoint, "interaction")
		return id
	case "task", "draft":
		h.exec(`update tasks set state = 'suspended' where state = 'queued'`)
		_, task := h.arrive(entryPoint, "task")
		return task
	case "held", "offered":
		_, task := h.arrive(entryPoint, "held")
		h.exec(`update tasks set state = $2, agent_id = $3, offer_until = now() + interval '1 minute' where id = $1`, task, kind, h.people[h.holder(login)].Agent)
		return task
	case "review":
		author := map[string]string{"support": "ben"}[entryPoint]
		_, review := h.review(entryPoint, author)
		return review
	case "model":
		h.exec(`insert into models (id, name, language, report, data) values ('01990000-0000-7000-8000-000000000001', 'category', 'en', '{"judged": 5}', '') on conflict do nothing`)
	case "training":
		h.exec(`insert into trainings (id, language, profile) values ('01990000-0000-7000-8000-000000000002', 'en', 'fast') on conflict (id) do update set state = 'queued'`)
	case "set":
		h.exec(`insert into text_sets (name, language, texts, size) values ('a', 'en', '[]', 0) on conflict do nothing`)
	case "webhook":
		h.exec(`insert into webhooks (name, url, secret, cursor) values ('crm', 'https://crm.example.test/', 'x', '0.0') on conflict do nothing`)
	case "chat":
		return h.chat(login)
	case "watched":
		return h.chat("ben")
	case "agent":
		return h.people["ben"].Agent
	case "selection":
		id, _ := h.arrive(entryPoint, "selection")
		sel, err := h.store.CreateSelection(h.t.Context(), h.people["vic"], interaction.NewSelection{
			Order: interaction.Order{Name: interaction.OrderHold}, IDs: []interaction.ID{id}, PerSecond: 20,
		})
		require.NoError(h.t, err)
		h.workSelections()
		return sel.ID
	case "survey":
		id, _ := h.arrive(entryPoint, "survey")
		h.exec(`insert into survey_asks (interaction_id, survey, contact_id, mailed, until, sheet) select id, 'after', contact_id, true, now(), '{"questions": []}' from interactions where id = $1`, id)
		return id
	case "erasure", "export":
		root := h.people["root"]
		contact := h.object("contact", login, entryPoint)
		if kind == "erasure" {
			e, err := h.store.EraseContact(h.t.Context(), root, contact, "asked_for")
			require.NoError(h.t, err)
			return e.ID
		}
		e, err := h.store.CreateExport(h.t.Context(), root, contact)
		require.NoError(h.t, err)
		_, err = h.store.WorkExports(h.t.Context())
		require.NoError(h.t, err)
		return e.ID
	case "line":
		h.line(interaction.CallbackSettings{Duplicate: interaction.DuplicateMerge})
	case "callback":
		h.line(interaction.CallbackSettings{})
		return h.book()
	case "calling":
		h.line(interaction.CallbackSettings{})
		id := h.book()
		h.exec(`update tasks set state = 'held', agent_id = $2 where interaction_id = $1`, id, h.people[h.holder(login)].Agent)
		return id
	case "contact":
		id, _ := h.arrive(entryPoint, "contact")
		v, err := h.store.Interaction(h.t.Context(), interaction.System, id)
		require.NoError(h.t, err)
		return v.Contact
	}
	return ""
}

// holder is who has what login asks about: he, if he could have it.
func (h *house) holder(login string) string {
	if h.people[login].Role != interaction.RoleAdmin && !contains(h.people[login].Groups, "service") {
		return "ben"
	}
	return login
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// What is visible and not his is forbidden to an agent; what another holds is told with who.
func TestVisibleButNotHis(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct{ path, method, body string }{
		{"release", post, ""},
		{"reply", post, `{"text":"x"}`},
		{"complete", post, `{"disposition":"done"}`},
		{"transfer", post, `{"queue":"sales"}`},
		{"snooze", post, ""},
		{"category", put, `{"category":"billing"}`},
		{"suggestions/reject", post, `{"response_id":"01990000-0000-7000-8000-000000000009"}`},
		{"consult", post, `{"group":"service","question":"?"}`},
		{"draft", put, `{"text":"x"}`},
	} {
		t.Run(c.path, func(t *testing.T) {
			task := h.object("held", "ben", "support")
			got := h.do("ann", c.method, fmt.Sprintf("/v1/tasks/%s/%s", task, c.path), c.body)
			require.Equal(t, 403, got.status, got)
			require.Equal(t, "not_yours", got.str("code"))
			require.Equal(t, string(h.people["ben"].Agent), got.str("agent"))
		})
	}
	t.Run("own reply", func(t *testing.T) {
		_, review := h.review("support", "sue")
		got := h.do("sue", post, fmt.Sprintf("/v1/reviews/%s/decision", review), `{"decision":"approve"}`)
		require.Equal(t, 403, got.status, got)
		require.Equal(t, "own_reply", got.str("code"))
	})
}

// A review stays the reviewers' and its author's business when it is over, and a group that is asked may read what it is asked about.
func TestVisibleOnTheEdges(t *testing.T) {
	h := newHouse(t)
	_, review := h.review("support", "ben")
	require.Equal(t, 204, h.do("sue", post, "/v1/reviews/"+string(review)+"/decision", `{"decision":"approve"}`).status)
	for login, want := range map[string]int{"ann": 404, "carl": 404, "ben": 200, "sue": 200, "vic": 200, "sam": 404} {
		require.Equal(t, want, h.do(login, get, "/v1/tasks/"+string(review), "").status, login)
		require.Equal(t, want, h.do(login, get, "/v1/tasks/"+string(review)+"/draft", "").status, login)
	}
	require.Equal(t, 404, h.do("ann", post, "/v1/reviews/"+string(review)+"/decision", `{"decision":"approve"}`).status)
	require.Equal(t, 409, h.do("sue", post, "/v1/reviews/"+string(review)+"/decision", `{"decision":"approve"}`).status)

	id, task := h.arrive("support", "asked")
	require.Equal(t, 200, h.do("ann", post, "/v1/tasks/"+string(task)+"/claim", "").status)
	require.Equal(t, 404, h.do("carl", get, "/v1/interactions/"+string(id)+"/messages", "").status)
	require.Equal(t, 201, h.do("ann", post, "/v1/tasks/"+string(task)+"/consult", `{"group":"sales","question":"Is it on offer?"}`).status)
	require.Equal(t, 200, h.do("carl", get, "/v1/interactions/"+string(id)+"/messages", "").status)
	require.Equal(t, 404, h.do("carl", get, "/v1/tasks/"+string(task), "").status, "the asking task is not his")
}

// Lists show what is his to see and no more.
func TestListsShowWhatIsVisible(t *testing.T) {
	h := newHouse(t)
	service, _ := h.arrive("support", "service")
	sales, _ := h.arrive("offers", "sales")
	_, review := h.review("support", "ben")
	ids := func(a answered) (out []string) {
		require.Equal(t, 200, a.status, a)
		for _, item := range a.items() {
			out = append(out, item["id"].(string))
		}
		return out
	}
	require.Contains(t, ids(h.do("ann", get, "/v1/interactions", "")), string(service))
	require.NotContains(t, ids(h.do("ann", get, "/v1/interactions", "")), string(sales))
	require.NotContains(t, ids(h.do("carl", get, "/v1/interactions", "")), string(service))
	require.Subset(t, ids(h.do("root", get, "/v1/interactions", "")), []string{string(service), string(sales)})
	require.NotContains(t, ids(h.do("ann", get, "/v1/tasks", "")), string(review))
	require.Contains(t, ids(h.do("sue", get, "/v1/tasks", "")), string(review))
	require.Len(t, ids(h.do("ann", get, "/v1/contacts", "")), 1)
	require.Len(t, ids(h.do("root", get, "/v1/contacts", "")), 2)
	require.Len(t, h.do("ann", get, "/v1/queues", "").items(), 1)
	require.Len(t, h.do("dan", get, "/v1/queues", "").items(), 2)
	colleagues := h.do("ann", get, "/v1/agents", "")
	require.Len(t, colleagues.items(), 5)
	for _, a := range colleagues.items() {
		require.Equal(t, a["login"] == "ann", a["limits"] != nil, "a colleague's limits are not his to see: %v", a)
	}
}
