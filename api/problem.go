package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"parley/interaction"
)

// Problem is the body of every error (RFC 9457). What an error has to say to programs stands beside these
// fields under names of its own, e.g. "agent" of a task that is taken.
type Problem struct {
	_         struct{}       `additionalProperties:"true"`
	Type      string         `json:"type" doc:"urn:parley:problem: and the code" example:"urn:parley:problem:task_taken"`
	Title     string         `json:"title" doc:"the status in words"`
	Status    int            `json:"status"`
	Code      string         `json:"code" doc:"stable; programs decide by it" example:"task_taken"`
	Detail    string         `json:"detail,omitempty" doc:"what is wrong and what to do, for people"`
	Field     string         `json:"field,omitempty" doc:"the field, parameter or header it is about"`
	Errors    []FieldError   `json:"errors,omitempty" doc:"all faults, when there are several"`
	RequestID string         `json:"request_id,omitempty" doc:"names the call in the log"`
	extra     map[string]any // of interaction.Error.Detail
	retry     int            // seconds
}

// FieldError is one fault of several.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// MarshalJSON puts the extra members beside the fixed ones, which they cannot replace.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type fixed Problem
	b, err := json.Marshal((*fixed)(p))
	if err != nil || len(p.extra) == 0 {
		return b, err
	}
	all := maps.Clone(p.extra)
	var own map[string]any
	if err := json.Unmarshal(b, &own); err != nil {
		return nil, err
	}
	maps.Copy(all, own)
	return json.Marshal(all)
}

// Error makes a problem an error, as huma wants it.
func (p *Problem) Error() string { return p.Code }

// GetStatus gives the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// statuses is the one map from the house's kinds of failure to HTTP.
var statuses = map[interaction.Kind]int{
	interaction.KindInvalid:     http.StatusUnprocessableEntity,
	interaction.KindUnknown:     http.StatusNotFound,
	interaction.KindForbidden:   http.StatusForbidden,
	interaction.KindConflict:    http.StatusConflict,
	interaction.KindStale:       http.StatusPreconditionFailed,
	interaction.KindGone:        http.StatusGone,
	interaction.KindTooMany:     http.StatusTooManyRequests,
	interaction.KindFull:        http.StatusInsufficientStorage,
	interaction.KindUnavailable: http.StatusServiceUnavailable,
}

// statusClientGone is what the log says when nobody waits for the answer any more.
const statusClientGone = 499

// refusal is an error of the HTTP layer itself, with a status that no kind has.
type refusal struct {
	status int
	reason *interaction.Error
}

// Error gives the reason's text for the log.
func (r *refusal) Error() string { return r.reason.Error() }

// Unwrap gives the reason.
func (r *refusal) Unwrap() error { return r.reason }

func refuse(status int, code, field, text string) error {
	return &refusal{status, &interaction.Error{Kind: interaction.KindInvalid, Code: code, Field: field, Text: text}}
}

// malformed says that a request cannot be understood, as opposed to one that is understood and wrong.
func malformed(code, field, text string) error {
	return refuse(http.StatusBadRequest, code, field, text)
}

// asMalformed makes 400 of an invalid parameter: what has no body is malformed as a whole.
func asMalformed(err error) error {
	var e *interaction.Error
	if errors.As(err, &e) && e.Kind == interaction.KindInvalid {
		return &refusal{http.StatusBadRequest, e}
	}
	return err
}

// problemOf translates an error. What it does not know is a trouble of ours that may pass.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var r *refusal
	if errors.As(err, &r) {
		return problemFrom(r.status, r.reason)
	}
	var e *interaction.Error
	if !errors.As(err, &e) {
		e = interaction.Unavailable("unavailable", err)
	}
	status, known := statuses[e.Kind]
	if !known {
		status = http.StatusServiceUnavailable
	}
	return problemFrom(status, e)
}

func problemFrom(status int, e *interaction.Error) *Problem {
	p := problem(status, e.Code, e.Text)
	p.Field, p.extra, p.retry = clip(e.Field), e.Detail, e.RetryAfter
	if p.retry == 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		p.retry = 1
	}
	return p
}

func problem(status int, code, text string) *Problem {
	title := http.StatusText(status)
	if status == statusClientGone {
		title = "Client Closed Request"
	}
	return &Problem{Type: "urn:parley:problem:" + code, Title: title, Status: status, Code: code, Detail: text}
}

// headers sets what goes with a problem.
func (p *Problem) headers(h http.Header) {
	h.Set("Content-Type", problemType)
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="parley"`)
	}
}

func init() {
	// huma keeps these in package variables; the API is the only user of huma in a program.
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return humaProblem(status, msg, errs) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return finish(ctx.Context(), humaProblem(status, msg, errs))
	}
}

// finish completes a problem with what belongs to the call and tells the log.
func finish(ctx context.Context, p *Problem) *Problem {
	c := callOf(ctx)
	p.RequestID = c.id
	p.headers(c.header)
	return p
}

// humaProblem makes a problem of what huma found: the faults of a validation, or a handler's error.
func humaProblem(status int, msg string, errs []error) *Problem {
	var faults []fault
	for _, err := range errs {
		var d huma.ErrorDetailer
		if !errors.As(err, &d) {
			return problemOf(err)
		}
		faults = append(faults, faultOf(d.ErrorDetail()))
	}
	if len(faults) == 0 {
		return problem(status, "http_"+strconv.Itoa(status), msg)
	}
	worst := faults[0]
	for _, f := range faults[1:] {
		if f.status < worst.status { // what cannot be understood comes before what is understood and wrong
			worst = f
		}
	}
	p := problem(worst.status, worst.code, worst.Detail)
	p.Field = worst.Field
	if len(faults) > 1 {
		for _, f := range faults[:min(len(faults), 20)] {
			p.Errors = append(p.Errors, f.FieldError)
		}
	}
	return p
}

type fault struct {
	FieldError
	status int
	code   string
}

// faultOf reads one of huma's findings. The value that was sent is not given back.
func faultOf(d *huma.ErrorDetail) fault {
	place, field, _ := strings.Cut(d.Location, ".")
	f := fault{FieldError{clip(field), d.Message}, http.StatusUnprocessableEntity, "bad_value"}
	switch {
	case place == "path":
		f.status, f.code, f.Detail = http.StatusNotFound, "unknown_path", "there is no such thing for you"
	case place != "body":
		f.status, f.code = http.StatusBadRequest, "bad_parameter"
		if d.Message == "unknown query parameter" {
			f.code = "unknown_parameter"
		}
	case d.Message == validation.MsgUnexpectedProperty:
		f.status, f.code, f.Detail = http.StatusBadRequest, "unknown_field", "there is no such field here"
	case strings.HasPrefix(d.Message, requiredPrefix):
		name, _, _ := strings.Cut(strings.TrimPrefix(d.Message, requiredPrefix), " ")
		f.code, f.Field, f.Detail = "required", joinField(f.Field, name), "is required"
	}
	return f
}

const requiredPrefix = "expected required property "

func joinField(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// clip bounds what of a request is named in its answer.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// seconds rounds up to whole seconds, at least one.
func seconds(s float64) int { return int(math.Max(1, math.Ceil(s))) }
