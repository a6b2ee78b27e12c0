package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/interaction"
)

// Response is a standard response.
type Response struct {
	ID       interaction.ID `json:"id"`
	Name     string         `json:"name"`
	Category string         `json:"category"`
	Language string         `json:"language"`
	Usage    string         `json:"usage" enum:"acknowledgement,auto_response,suggestion,snippet"`
	State    string         `json:"state" enum:"draft,approved"`
	Starts   *time.Time     `json:"starts,omitempty"`
	Expires  *time.Time     `json:"expires,omitempty"`
	Subject  string         `json:"subject"`
	Text     string         `json:"text"`
	Version  int64          `json:"version"`
}

func responseView(r interaction.Response) Response {
	return Response{
		r.ID, r.Name, r.Category, r.Language, string(r.Usage), r.State, moment(r.Starts), moment(r.Expires), r.Subject, r.Text, r.Version,
	}
}

// ResponsesInput narrows the list of standard responses.
type ResponsesInput struct {
	Paged
	Category string `query:"category" maxLength:"200"`
	Language string `query:"language" maxLength:"20"`
	Q        string `query:"q" maxLength:"200" doc:"words that occur in name, subject or text"`
}

// maxWords bounds a search; a word costs one look at every response.
const maxWords = 10

func (s *server) listResponses(ctx context.Context, in *ResponsesInput) (*List[Response], error) {
	if len(strings.Fields(in.Q)) > maxWords {
		return nil, malformed("too_many_terms", "q", fmt.Sprintf("has up to %d words", maxWords))
	}
	f := interaction.ResponseFilter{Category: in.Category, Language: in.Language, Words: in.Q}
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

// Category is one node of the category tree.
type Category struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Skill string `json:"skill,omitempty" doc:"what its tasks ask for"`
	Queue string `json:"queue,omitempty" doc:"where its tasks wait"`
}

func (s *server) listCategories(ctx context.Context, _ *struct{}) (*List[Category], error) {
	found, err := s.Categories(ctx)
	if err != nil {
		return nil, err
	}
	return whole(found, func(c interaction.Category) Category { return Category(c) }), nil
}
