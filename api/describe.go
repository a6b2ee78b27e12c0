package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes for OpenAPI what the routes that read and write by themselves take and give.

var problemSchema = reflect.TypeFor[Problem]()

func text() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func binary() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "binary"} }

func answer(op *huma.Operation, status, description, mediaType string, schema *huma.Schema) {
	op.Responses[status] = &huma.Response{Description: description, Content: map[string]*huma.MediaType{mediaType: {Schema: schema}}}
}

// bytesOf describes a download below path parameters.
func bytesOf(mediaType string, params ...string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		for _, name := range params {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: text()})
		}
		answer(op, "200", "always a file to be saved, never to be shown", mediaType, binary())
	}
}

// pageOf describes a page below path parameters.
func pageOf(params ...string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		for _, name := range params {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: text()})
		}
		answer(op, "200", "a page that needs nothing beside it", "text/html", text())
	}
}

func uploadForm(s *server) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": binary()},
		}}}}
		jsonAnswer(s, Upload{}, "201")(op)
	}
}

func chatUploadForm(s *server) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "id", In: "path", Required: true, Schema: text()})
		uploadForm(s)(op)
	}
}

func jsonAnswer(s *server, example any, status string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		kind := reflect.TypeOf(example)
		answer(op, status, "the answer", "application/json", s.huma.OpenAPI().Components.Schemas.Schema(kind, true, kind.Name()))
	}
}

func eventStream(op *huma.Operation) {
	op.Parameters = []*huma.Param{
		{Name: "cursor", In: "query", Schema: text(), Description: "begin behind this event; from now on when absent"},
		{Name: "Last-Event-ID", In: "header", Schema: text(), Description: "the same, as browsers send it"},
	}
	answer(op, "200", "server-sent events; each has its cursor as id and an Event in JSON as data", "text/event-stream", text())
}

func anyJSON(op *huma.Operation) {
	answer(op, "200", "an OpenAPI 3.1 document", "application/openapi+json", &huma.Schema{Type: huma.TypeObject})
}
