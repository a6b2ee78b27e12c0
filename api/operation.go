package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"parley/interaction"
)

// route is one method of one path.
type route struct {
	method, path string
	summary      string
	role         interaction.Role // needed at least; designer: anybody who is signed in
	configures   bool             // for designers and admins only
	admins       bool             // for admins only
	public       bool             // needs no token
	status       int              // of success; 200 when zero
	limit        int64            // of the body in bytes; smallBody when zero
	raw          bool             // reads its body and parameters itself
	untimed      bool             // may take longer than AnswerTime
	body         bool             // takes fields; set by on
}

func (r route) key() string {
	return r.method + " " + strings.NewReplacer("{", ":", "}", "").Replace(r.path)
}

// operation describes the route for OpenAPI.
func (r route) operation() huma.Operation {
	op := huma.Operation{
		OperationID: operationID(r), Method: r.method, Path: r.path, Summary: r.summary, Tags: []string{tag(r.path)}, DefaultStatus: r.status,
		MaxBodyBytes: -1, // body.go has read and bounded it
	}
	if !r.public {
		op.Security = []map[string][]string{{"token": {}}}
	}
	return op
}

// operationID is the method and the words of the path: post-tasks-id-claim.
func operationID(r route) string {
	words := strings.NewReplacer("/v1/", "-", "/", "-", "{", "", "}", "", ".", "-").Replace(r.path)
	return strings.ToLower(r.method) + words
}

// tag is the resource that a path belongs to.
func tag(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/v1"), "/"), "/")
	return name
}

// on adds a route whose handler takes and gives values; huma checks them against their schema.
func on[I, O any](s *server, r route, handle func(context.Context, *I) (*O, error)) {
	op := r.operation()
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			if r.method == http.MethodGet {
				err = asMalformed(err)
			}
			s.tell(ctx, err)
			return nil, finish(ctx, s.problem(ctx, err))
		}
		mark(ctx)
		return out, nil
	})
	if described := s.huma.OpenAPI().Paths[r.path]; described != nil {
		r.body = described.Post != nil && r.method == http.MethodPost && described.Post.RequestBody != nil ||
			described.Put != nil && r.method == http.MethodPut && described.Put.RequestBody != nil
	}
	s.routes[r.key()] = r
}

// plain adds a route whose handler reads and writes by itself, with its description.
func (s *server) plain(r route, handle func(*gin.Context) error, describe func(*huma.Operation)) {
	op := r.operation()
	op.Responses = map[string]*huma.Response{"default": {Description: "Error", Content: map[string]*huma.MediaType{problemType: {
		Schema: &huma.Schema{Ref: "#/components/schemas/Problem"},
	}}}}
	describe(&op)
	s.huma.OpenAPI().AddOperation(&op)
	s.routes[r.key()] = r
	_, path, _ := strings.Cut(r.key(), " ")
	s.engine.Handle(r.method, path, func(c *gin.Context) {
		if err := handle(c); err != nil {
			s.fail(c, err)
		}
	})
}

// noContent is the answer of a command that has none.
type noContent struct{}

// pathID reads an id of the path; what cannot be an id names nothing.
func pathID(id, what string) (interaction.ID, error) {
	parsed, err := interaction.ParseID("id", id)
	if err != nil {
		return "", interaction.Unknown(what)
	}
	return parsed, nil
}

// optionalID reads an id of a body or query that may be empty.
func optionalID(field, id string) (interaction.ID, error) {
	if id == "" {
		return "", nil
	}
	return interaction.ParseID(field, id)
}
