package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

// Health says how the process is.
type Health struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// healthy answers while the process lives.
func (s *server) healthy(c *gin.Context) error {
	c.JSON(http.StatusOK, Health{Status: "alive"})
	return nil
}

// checkTime is how long one check of readiness may take.
const checkTime = 2 * time.Second

// ready answers whether all parts are well. Why one is not stands in the log.
func (s *server) ready(c *gin.Context) error {
	results := s.runChecks(c.Request.Context())
	well := map[string]string{}
	var failed error
	for n, check := range s.Checks {
		well[check.Name] = "ok"
		if results[n] != nil {
			well[check.Name] = "away"
			failed = interaction.Unavailable("not_ready", results[n])
		}
	}
	if failed == nil {
		c.JSON(http.StatusOK, Health{Status: "ready", Checks: well})
		return nil
	}
	s.tell(c.Request.Context(), failed)
	p := problemOf(failed)
	p.extra = map[string]any{"checks": well}
	s.write(c, p)
	return nil
}

func (s *server) runChecks(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	results := make([]error, len(s.Checks))
	var all sync.WaitGroup
	for n, check := range s.Checks {
		all.Go(func() { results[n] = check.Run(ctx) })
	}
	all.Wait()
	return results
}
