package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/interaction"
)

// Library is the standard responses. What they say is configuration; here they are found, approved, tried and counted.
type Library interface {
	Responses(ctx context.Context, f interaction.ResponseFilter, p interaction.Page) (interaction.Listed[interaction.Response], error)
	Response(ctx context.Context, by interaction.Actor, id interaction.ID) (interaction.Response, error)
	ResponseVersions(ctx context.Context, id interaction.ID) ([]interaction.ResponseVersion, error)
	ResponseUses(ctx context.Context, id interaction.ID) ([]interaction.ResponseUse, error)
	ResponseValues(ctx context.Context, by interaction.Actor, of interaction.ID) (map[string]any, error)
	ResponseCounts(ctx context.Context, from, until time.Time) ([]interaction.ResponseCount, error)
	ChangeResponse(ctx context.Context, by interaction.Actor, id interaction.ID, changes int64, order string) (interaction.Response, error)
	SaveLibraryFile(ctx context.Context, by interaction.Actor, name, mediaType string, data []byte) (interaction.File, error)
}

// addResponses adds the routes of the library. What a response says is written through /v1/configuration/responses.
func (s *server) addResponses() {
	const everybody = interaction.RoleDesigner
	on(s, route{method: get, path: "/v1/responses", summary: "Find standard responses", role: everybody}, s.listResponses)
	on(s, route{method: get, path: "/v1/responses/statistics", summary: "How often standard responses are suggested, chosen, changed and sent", configures: true}, s.responseCounts)
	on(s, route{method: post, path: "/v1/responses/preview", summary: "Fill in a standard response, or one being written, for an interaction", role: everybody, limit: 512 << 10}, s.previewResponse)
	s.plain(route{method: post, path: "/v1/responses/files", summary: "Upload a file for standard responses", configures: true, status: 201, raw: true, untimed: true}, s.uploadLibraryFile, uploadForm(s))
	on(s, route{method: get, path: "/v1/responses/{id}", summary: "Look at a standard response", role: everybody}, s.getResponse)
	on(s, route{method: get, path: "/v1/responses/{id}/versions", summary: "What a standard response said, version by version", configures: true}, s.responseVersions)
	on(s, route{method: get, path: "/v1/responses/{id}/diff", summary: "What differs between two versions", configures: true}, s.responseDiff)
	on(s, route{method: get, path: "/v1/responses/{id}/uses", summary: "What needs a standard response", configures: true}, s.responseUses)
	s.plain(route{method: get, path: "/v1/responses/{id}/attachments/{attachment}", summary: "The bytes of a file of a standard response", role: everybody, raw: true},
		s.responseFile, bytesOf("application/octet-stream", "id", "attachment"))
	for order, summary := range map[string]string{
		interaction.ResponseApprove:    "Let people use a draft",
		interaction.ResponseActivate:   "Make an approved response the one that the system picks, in the place of the one before",
		interaction.ResponseDeactivate: "Let the system not pick it any more; people still may",
		interaction.ResponseWithdraw:   "Make it a draft again: nobody uses it",
	} {
		on(s, route{method: post, path: "/v1/responses/{id}/" + order, summary: summary, configures: true}, s.changeResponse(order))
	}
}

// ResponsesInput narrows the list of standard responses.
type ResponsesInput struct {
	Paged
	Category string   `query:"category" maxLength:"200"`
	Language string   `query:"language" maxLength:"20"`
	Usage    string   `query:"usage" enum:"acknowledgement,auto_response,suggestion,snippet"`
	State    []string `query:"state" enum:"draft,approved,active" maxItems:"3" doc:"for who configures: whatever their dates; those that may be used today when empty"`
	Q        string   `query:"q" maxLength:"200" doc:"words that occur in name, subject or text"`
}

// maxWords bounds a search; a word costs one look at every response.
const maxWords = 10

func (s *server) listResponses(ctx context.Context, in *ResponsesInput) (*List[Response], error) {
	if len(strings.Fields(in.Q)) > maxWords {
		return nil, malformed("too_many_terms", "q", fmt.Sprintf("has up to %d words", maxWords))
	}
	if len(in.State) > 0 && !actorOf(ctx).Configures() {
		return nil, interaction.Forbidden("designers_only", "responses that may not be used today are for designers and admins; leave state out")
	}
	f := interaction.ResponseFilter{
		Category: in.Category, Language: in.Language, Usage: interaction.Usage(in.Usage), Words: in.Q,
		States: each(in.State, func(s string) interaction.ResponseState { return interaction.ResponseState(s) }),
	}
	name := fmt.Sprintf("responses %q", f)
	page, err := in.page(name, "")
	if err != nil {
		return nil, err
	}
	found, err := s.Responses(ctx, f, page)
	if err != nil {
		return nil, err
	}
	return listed(name, found, responseView), nil
}

// ResponseOutput is one standard response.
type ResponseOutput struct {
	ETag string `header:"ETag"`
	Body Response
}

func (s *server) getResponse(ctx context.Context, in *ByID) (*ResponseOutput, error) {
	r, err := s.response(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &ResponseOutput{etag(r.Changes), responseView(r)}, nil
}

func (s *server) response(ctx context.Context, id string) (interaction.Response, error) {
	parsed, err := pathID(id, "response")
	if err != nil {
		return interaction.Response{}, err
	}
	return s.Response(ctx, actorOf(ctx), parsed)
}

// ResponseOrder is the input of a change of state.
type ResponseOrder struct {
	ByID
	IfMatch
}

func (s *server) changeResponse(order string) func(context.Context, *ResponseOrder) (*ResponseOutput, error) {
	return func(ctx context.Context, in *ResponseOrder) (*ResponseOutput, error) {
		id, err := pathID(in.ID, "response")
		if err != nil {
			return nil, err
		}
		changes, err := in.version()
		if err != nil {
			return nil, err
		}
		r, err := s.ChangeResponse(ctx, actorOf(ctx), id, changes, order)
		if err != nil {
			return nil, err
		}
		return &ResponseOutput{etag(r.Changes), responseView(r)}, nil
	}
}

func (s *server) responseVersions(ctx context.Context, in *ByID) (*List[ResponseVersion], error) {
	found, err := s.versionsOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return whole(found, versionView), nil
}

func (s *server) versionsOf(ctx context.Context, id string) ([]interaction.ResponseVersion, error) {
	parsed, err := pathID(id, "response")
	if err != nil {
		return nil, err
	}
	return s.ResponseVersions(ctx, parsed)
}

// ResponseDiffInput names two versions.
type ResponseDiffInput struct {
	ByID
	From int64 `query:"from" minimum:"1" doc:"the one before to when left out"`
	To   int64 `query:"to" minimum:"1" doc:"the newest when left out"`
}

// ResponseDiffOutput is what differs between them.
type ResponseDiffOutput struct {
	Body ResponseDiff
}

func (s *server) responseDiff(ctx context.Context, in *ResponseDiffInput) (*ResponseDiffOutput, error) {
	versions, err := s.versionsOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.To == 0 {
		in.To = versions[0].Version
	}
	if in.From == 0 {
		in.From = max(in.To-1, 1)
	}
	var from, to *interaction.ResponseVersion
	for n := range versions {
		if versions[n].Version == in.From {
			from = &versions[n]
		}
		if versions[n].Version == in.To {
			to = &versions[n]
		}
	}
	switch {
	case from == nil:
		return nil, malformed("unknown_version", "from", fmt.Sprintf("there is no version %d", in.From))
	case to == nil:
		return nil, malformed("unknown_version", "to", fmt.Sprintf("there is no version %d", in.To))
	}
	return &ResponseDiffOutput{diffVersions(*from, *to)}, nil
}

func (s *server) responseUses(ctx context.Context, in *ByID) (*List[ResponseUse], error) {
	r, err := s.response(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	uses, err := s.ResponseUses(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return whole(uses, func(u interaction.ResponseUse) ResponseUse { return ResponseUse(u) }), nil
}

func (s *server) responseCounts(ctx context.Context, in *HitsInput) (*List[ResponseCount], error) {
	if err := in.settle(); err != nil {
		return nil, err
	}
	found, err := s.ResponseCounts(ctx, in.From, in.Until)
	if err != nil {
		return nil, err
	}
	return whole(found, countView), nil
}
