// Package api is the house's REST interface: gin routes, one file a resource,
// typed handlers by huma (which makes the OpenAPI description of them), and every
// error as a problem of RFC 9457.
//
// A handler binds, makes one call and answers. Who may know of what, and who holds
// what, is decided by the parts behind the interfaces in deps.go: what is invisible is unknown is
// 404, what is visible but not theirs is 403. A request passes, in this order: its id and the headers of
// its answer (answer.go), token, role and rate (guard.go), size, media type and strict JSON (body.go), the
// schema (huma), the handler.
package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"parley/lib/auth"
)

// server is the API with what its handlers share.
type server struct {
	Deps
	engine  *gin.Engine
	huma    huma.API
	routes  map[string]route // by method and gin's path
	tokens  *tokens
	rates   *rates
	tries   auth.Tries // of passwords
	guesses auth.Tries // of tokens
	hashing chan struct{}

	picturing chan struct{} // thumbnails being made: a picture takes up to 100 MB while it is
	stream    *stream
}

// New makes the handler of the whole API. It listens to nothing and starts nothing; it lives as long as its requests.
func New(deps Deps) http.Handler { return newServer(deps).engine }

func newServer(deps Deps) *server {
	gin.SetMode(gin.ReleaseMode)
	deps = deps.withDefaults()
	s := &server{
		Deps:      deps,
		engine:    gin.New(),
		routes:    map[string]route{},
		tokens:    newTokens(deps.Store),
		rates:     newRates(deps.RatePerSecond, deps.Burst),
		hashing:   make(chan struct{}, 2), // a password costs 19 MiB and some ms: two at once are enough
		picturing: make(chan struct{}, 2),
		stream:    newStream(deps.Store, deps.Changes),
	}
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.UseRawPath = true                          // names can have slashes, as those of categories do; they come as %2F
	_ = s.engine.SetTrustedProxies(deps.TrustedProxies) // withDefaults has checked them
	s.engine.Use(s.answer, s.guard, s.body, s.bound)
	s.engine.NoRoute(s.noRoute)
	s.engine.NoMethod(s.noMethod)
	s.huma = humagin.New(s.engine, description())
	s.addRoutes()
	return s
}

// description is the head of the OpenAPI document; the routes add themselves.
func description() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Parley", Version: "1",
				Description: "Every error is application/problem+json (RFC 9457) with a stable code. Lists give next_cursor until their last page. " +
					"Single things carry an ETag with their version; send it as If-Match and a change against an old state is refused with 412. " +
					"A POST with an Idempotency-Key can be repeated: it gives the first answer again, marked Idempotency-Replayed.",
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// clock is the time by which rates and tries are counted.
var clock = time.Now
