package interaction

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an Error is; each edge (HTTP, SMTP, …) translates kinds once into its own codes.
type Kind string

// The kinds of failure. An error of no kind counts as Unavailable: an unknown trouble is temporary until shown otherwise.
const (
	KindInvalid     Kind = "invalid"     // the request is wrong; Field says where
	KindUnknown     Kind = "unknown"     // there is no such thing, or it is invisible to who asks
	KindForbidden   Kind = "forbidden"   // visible, but not theirs to do
	KindConflict    Kind = "conflict"    // something else stands in the way; Detail says who or what
	KindStale       Kind = "stale"       // written against an old version
	KindGone        Kind = "gone"        // was there, and was erased
	KindTooMany     Kind = "too_many"    // slow down; RetryAfter seconds
	KindFull        Kind = "full"        // no room left on the disk
	KindUnavailable Kind = "unavailable" // try again later
)

// Error is a failure that people or programs outside can meet: a stable code,
// the field or thing it is about, a text fit for strangers. The cause is for the log only.
type Error struct {
	Kind       Kind
	Code       string         // stable, snake_case, e.g. "task_taken"
	Field      string         // what it is about: a JSON field, a command, a setting; may be empty
	Text       string         // what is wrong and what to do, without internals
	Detail     map[string]any // machine-readable extras, e.g. {"agent": id}
	RetryAfter int            // seconds, for KindTooMany and KindUnavailable
	Cause      error
}

// Error gives the text for the log: code, field, text and cause.
func (e *Error) Error() string {
	s := e.Code
	if e.Field != "" {
		s += " " + e.Field
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports two Errors with equal codes as the same.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// With adds a machine-readable detail and gives the error back.
func (e *Error) With(key string, value any) *Error {
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	e.Detail[key] = value
	return e
}

// Invalid says that a field of a request is wrong.
func Invalid(code, field, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Code: code, Field: field, Text: fmt.Sprintf(format, args...)}
}

// Unknown says that there is no such thing for who asks.
func Unknown(what string) *Error {
	return &Error{Kind: KindUnknown, Code: "unknown_" + what, Text: "there is no such " + what + " for you"}
}

// Forbidden says that the thing is visible but not theirs to do.
func Forbidden(code, format string, args ...any) *Error {
	return &Error{Kind: KindForbidden, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Conflict says what stands in the way.
func Conflict(code, format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Stale says that a newer version exists.
func Stale(version int64) *Error {
	e := &Error{Kind: KindStale, Code: "stale_version", Text: "it has changed since you read it; read it again and repeat"}
	return e.With("version", version)
}

// Unavailable says that a part is away for now and the same call may succeed later.
func Unavailable(code string, cause error) *Error {
	return &Error{
		Kind: KindUnavailable, Code: code, Text: "a part of the system is away; try again in a moment",
		RetryAfter: 5, Cause: cause,
	}
}

// KindOf gives an error's kind; Unavailable for errors of no kind.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindUnavailable
}
