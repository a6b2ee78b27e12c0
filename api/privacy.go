package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"parley/interaction"
)

// addPrivacy adds what a house owes the people whose data it holds. Who they are follows from no group, so all of it is for admins; rules of
// retention are configuration.
func (s *server) addPrivacy() {
	const admin = interaction.RoleAdmin
	on(s, route{method: post, path: "/v1/contacts/{id}/erasure", summary: "Erase a contact: all that is held on him goes, counts and times stay", role: admin, status: 202}, s.eraseContact)
	on(s, route{method: get, path: "/v1/erasures", summary: "List who was erased, as ids", role: admin}, s.listErasures)
	on(s, route{method: get, path: "/v1/erasures/{id}", summary: "See how far an erasure has come", role: admin}, s.getErasure)

	on(s, route{method: post, path: "/v1/contacts/{id}/exports", summary: "Have all that is held on a contact written into an archive", role: admin, status: 202}, s.exportContact)
	on(s, route{method: get, path: "/v1/exports/{id}", summary: "See how far an archive has come", role: admin}, s.getExport)
	s.plain(route{method: get, path: "/v1/exports/{id}/archive", summary: "The archive", role: admin, raw: true, untimed: true}, s.readExport, bytesOf("application/zip", "id"))

	on(s, route{method: get, path: "/v1/retention", summary: "What the rules of retention would remove now", configures: true}, s.forecastRetention)
	on(s, route{method: post, path: "/v1/retention/try", summary: "What other rules would remove now", configures: true}, s.tryRetention)
}

// Erasure is the order to erase a contact, with how far it has come. It names nobody.
type Erasure struct {
	ID         interaction.ID   `json:"id"`
	ContactID  interaction.ID   `json:"contact_id"`
	ContactIDs []interaction.ID `json:"contact_ids" nullable:"false" doc:"he, and those that were merged into him"`
	AgentID    interaction.ID   `json:"agent_id,omitempty" doc:"who ordered it"`
	Reason     string           `json:"reason" doc:"a code; retention and restored were ordered by nobody"`
	State      string           `json:"state" enum:"stopping,erasing,done"`
	Open       int              `json:"open" doc:"interactions of his that have not stopped yet"`
	Erased     int              `json:"erased" doc:"interactions"`
	At         time.Time        `json:"at"`
	EndedAt    *time.Time       `json:"ended_at,omitempty"`
}

func erasureView(e interaction.Erasure) Erasure {
	return Erasure{e.ID, e.Contact, same(e.Contacts), e.Agent, e.Reason, string(e.State), e.Open, e.Erased, e.At, moment(e.EndedAt)}
}

// ErasureInput says why.
type ErasureInput struct {
	ByID
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"60" pattern:"^[a-z0-9_]+$" doc:"a code, which stays; asked_for when left out"`
	}
}

// ErasureOutput is one erasure.
type ErasureOutput struct {
	Location string `header:"Location"`
	Body     Erasure
}

func erasureAnswer(e interaction.Erasure, err error) (*ErasureOutput, error) {
	if err != nil {
		return nil, err
	}
	return &ErasureOutput{"/v1/erasures/" + string(e.ID), erasureView(e)}, nil
}

func (s *server) eraseContact(ctx context.Context, in *ErasureInput) (*ErasureOutput, error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	reason := in.Body.Reason
	if reason == "" {
		reason = "asked_for"
	}
	return erasureAnswer(s.EraseContact(ctx, actorOf(ctx), id, reason))
}

func (s *server) listErasures(ctx context.Context, in *Paged) (*List[Erasure], error) {
	page, err := in.page("erasures", "")
	if err != nil {
		return nil, err
	}
	found, err := s.Erasures(ctx, page)
	if err != nil {
		return nil, err
	}
	return listed("erasures", found, erasureView), nil
}

func (s *server) getErasure(ctx context.Context, in *ByID) (*ErasureOutput, error) {
	id, err := pathID(in.ID, "erasure")
	if err != nil {
		return nil, err
	}
	return erasureAnswer(s.Store.Erasure(ctx, id))
}

// Export is an archive of all that is held on a contact.
type Export struct {
	ID        interaction.ID `json:"id"`
	ContactID interaction.ID `json:"contact_id"`
	AgentID   interaction.ID `json:"agent_id"`
	State     string         `json:"state" enum:"waiting,writing,ready,failed,expired"`
	Size      int64          `json:"size" doc:"of the archive in bytes, once it is ready"`
	SHA256    string         `json:"sha256,omitempty"`
	At        time.Time      `json:"at"`
	ReadyAt   *time.Time     `json:"ready_at,omitempty" doc:"it is kept for a week from then"`
}

// ExportOutput is one export.
type ExportOutput struct {
	Location string `header:"Location"`
	Body     Export
}

func exportAnswer(e interaction.Export, err error) (*ExportOutput, error) {
	if err != nil {
		return nil, err
	}
	return &ExportOutput{
		"/v1/exports/" + string(e.ID), Export{e.ID, e.Contact, e.Agent, string(e.State), e.Size, e.SHA256, e.At, moment(e.ReadyAt)},
	}, nil
}

func (s *server) exportContact(ctx context.Context, in *ByID) (*ExportOutput, error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	return exportAnswer(s.CreateExport(ctx, actorOf(ctx), id))
}

func (s *server) getExport(ctx context.Context, in *ByID) (*ExportOutput, error) {
	id, err := pathID(in.ID, "export")
	if err != nil {
		return nil, err
	}
	return exportAnswer(s.Store.Export(ctx, id))
}

// readExport passes the archive on in pieces. What fails in the middle breaks the connection off: its length was told before.
func (s *server) readExport(c *gin.Context) error {
	id, err := pathID(c.Param("id"), "export")
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	e, err := s.Store.Export(ctx, id)
	if err != nil {
		return err
	}
	switch e.State {
	case interaction.ExportReady:
	case interaction.ExportExpired:
		return interaction.Gone("export", interaction.GoneRetention)
	default:
		return interaction.Conflict("not_ready", "the archive is %s", e.State).With("state", e.State)
	}
	c.Header("Content-Type", "application/zip")
	c.Header("Content-Length", strconv.FormatInt(e.Size, 10))
	c.Header("Content-Disposition", `attachment; filename="contact-`+string(e.Contact)+`.zip"`)
	c.Status(http.StatusOK)
	return s.Store.ReadExport(ctx, e, c.Writer)
}

// RetentionForecast is what a rule would remove now.
type RetentionForecast struct {
	Rule   RetentionSetup `json:"rule"`
	Before time.Time      `json:"before" doc:"of what stopped before it"`
	Things int            `json:"things" doc:"interactions, or contacts, that it has not come to yet"`
	More   bool           `json:"more" doc:"there are more than were counted"`
	Oldest *time.Time     `json:"oldest,omitempty"`
}

func forecastView(f interaction.RetentionForecast) RetentionForecast {
	return RetentionForecast{RetentionSetup(f.Rule), f.Before, f.Things, f.More, moment(f.Oldest)}
}

func (s *server) forecastRetention(ctx context.Context, _ *struct{}) (*List[RetentionForecast], error) {
	list, err := s.RetentionForecast(ctx, nil)
	if err != nil {
		return nil, err
	}
	return whole(list, forecastView), nil
}

// RetentionTry are rules that do not stand yet.
type RetentionTry struct {
	Body struct {
		Rules []RetentionSetup `json:"rules" minItems:"1" maxItems:"100"`
	}
}

func (s *server) tryRetention(ctx context.Context, in *RetentionTry) (*List[RetentionForecast], error) {
	rules := each(in.Body.Rules, func(r RetentionSetup) interaction.RetentionRule { return interaction.RetentionRule(r) })
	if err := interaction.Faults(interaction.CheckSetup(interaction.Setup{Retention: rules}, interaction.Setup{})); err != nil {
		return nil, err
	}
	list, err := s.RetentionForecast(ctx, rules)
	if err != nil {
		return nil, err
	}
	return whole(list, forecastView), nil
}
