package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

const requestIDHeader = "X-Request-Id"

// answer gives a request its id and its answer the headers that all have, catches panics and writes the log's line.
func (s *server) answer(c *gin.Context) {
	begun := time.Now()
	own := &call{id: requestID(c.GetHeader(requestIDHeader)), header: c.Writer.Header(), from: address(c)}
	ctx := context.WithValue(c.Request.Context(), callKey{}, own)
	c.Request = c.Request.WithContext(ctx)
	secure(own.header)
	own.header.Set(requestIDHeader, own.id)
	defer func() {
		if cause := recover(); cause != nil {
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.Log.ErrorContext(ctx, "a handler panicked", "request_id", own.id, "route", c.FullPath(), "panic", cause, "stack", string(debug.Stack()))
			s.write(c, problem(http.StatusInternalServerError, "internal", "something went wrong here; the log knows it by the request id"))
		}
		s.Log.LogAttrs(ctx, level(c.Writer.Status()), "request", slog.String("request_id", own.id), slog.String("method", c.Request.Method),
			slog.String("route", c.FullPath()), slog.Int("status", c.Writer.Status()), slog.String("agent", string(own.actor.Agent)),
			slog.Duration("took", time.Since(begun)))
	}()
	c.Next()
}

// bound gives a handler its time, once the request was read: a database that neither answers nor refuses must not hold the client. Streams
// last as long as they like, and what reads its own body is as slow as its client.
func (s *server) bound(c *gin.Context) {
	if s.routes[c.Request.Method+" "+c.FullPath()].untimed {
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.AnswerTime)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

func level(status int) slog.Level {
	if status >= http.StatusInternalServerError {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// secure sets the headers of an answer that is data and nothing else.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// requestID takes the client's own id when it is a short plain word, and makes one otherwise.
func requestID(given string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if given != "" && len(given) <= 64 && strings.IndexFunc(given, func(r rune) bool { return !plain(r) }) < 0 {
		return given
	}
	return string(interaction.NewID())
}

// fail answers with the error's problem and ends the request. The cause goes to the log only.
func (s *server) fail(c *gin.Context, err error) {
	s.tell(c.Request.Context(), err)
	s.write(c, s.problem(c.Request.Context(), err))
}

// problem is problemOf, but what failed because the client went away is nobody's trouble.
func (s *server) problem(ctx context.Context, err error) *Problem {
	if clientGone(ctx) && interaction.KindOf(err) == interaction.KindUnavailable {
		return problem(statusClientGone, "client_gone", "the client has gone away")
	}
	return problemOf(err)
}

// clientGone tells a client that went away from parts of ours that took too long.
func clientGone(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// tell writes causes to the log that clients do not hear of.
func (s *server) tell(ctx context.Context, err error) {
	var e *interaction.Error
	if errors.As(err, &e) && e.Cause == nil || clientGone(ctx) {
		return
	}
	s.Log.WarnContext(ctx, "request failed", "request_id", callOf(ctx).id, "error", err)
}

func (s *server) write(c *gin.Context, p *Problem) {
	c.Abort()
	if c.Writer.Written() {
		return
	}
	_ = finish(c.Request.Context(), p) // it is p
	c.Status(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		s.Log.ErrorContext(c.Request.Context(), "cannot write a problem", "code", p.Code, "error", err)
		return
	}
	_, _ = c.Writer.Write(append(body, '\n')) // the client may have gone
}

func (s *server) noRoute(c *gin.Context) {
	s.write(c, problem(http.StatusNotFound, "unknown_path", "there is nothing at this path; /v1/openapi.json lists what there is"))
}

func (s *server) noMethod(c *gin.Context) {
	s.write(c, problem(http.StatusMethodNotAllowed, "method_not_allowed", "this path has other methods; the Allow header lists them"))
}
