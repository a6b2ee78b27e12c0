package api

import (
	"context"
	"net/http"

	"parley/interaction"
)

// Forced is what every order can carry.
type Forced struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"a word for the audit"`
	Force  bool   `json:"force,omitempty" doc:"also while an agent holds it or it is on offer; never while it is being sent"`
}

// OrderOf is the input of an order whose body is B.
type OrderOf[B orderBody] struct {
	ByID
	IfMatch
	Body B
}

// orderBody makes an order of what a supervisor sent.
type orderBody interface {
	order() (interaction.Order, error)
}

// The bodies of the orders.
type (
	holdBody struct {
		Forced
	}
	moveBody struct {
		Forced
		Queue string `json:"queue" minLength:"1" maxLength:"100"`
	}
	reassignBody struct {
		Forced
		AgentID string `json:"agent_id" maxLength:"64"`
	}
	priorityBody struct {
		Forced
		Priority int `json:"priority" minimum:"-100" maximum:"100" doc:"higher is sooner"`
	}
	dataBody struct {
		Forced
		Data map[string]string `json:"data" maxProperties:"50" doc:"attached data; an empty value removes its key"`
	}
	respondBody struct {
		Forced
		ResponseID string `json:"response_id,omitempty" maxLength:"64" doc:"the standard response to send; the best one when empty"`
	}
	categoryBody struct {
		Forced
		Category string `json:"category,omitempty" maxLength:"200" doc:"the model says it again when empty"`
	}
	stopBody struct {
		Reason string `json:"reason" pattern:"^[a-z0-9_]{1,60}$" patternDescription:"a code of a-z, 0-9 and _"`
		Force  bool   `json:"force,omitempty"`
	}
)

func (f Forced) base() (interaction.Order, error) {
	return interaction.Order{Reason: f.Reason, Force: f.Force}, checkLine("reason", f.Reason)
}

func (b holdBody) order() (interaction.Order, error) { return b.base() }

func (b moveBody) order() (interaction.Order, error) {
	o, err := b.base()
	o.Queue = b.Queue
	return o, err
}

func (b reassignBody) order() (interaction.Order, error) {
	o, err := b.base()
	if err == nil {
		o.Agent, err = interaction.ParseID("agent_id", b.AgentID)
	}
	return o, err
}

func (b priorityBody) order() (interaction.Order, error) {
	o, err := b.base()
	o.Priority = b.Priority
	return o, err
}

func (b dataBody) order() (interaction.Order, error) {
	o, err := b.base()
	o.Data = b.Data
	for key, value := range b.Data {
		if len(key) == 0 || len(key) > 100 || len(value) > 2000 || controls(key) {
			return o, interaction.Invalid("bad_data", "data", "has keys of 1 to 100 and values of up to 2000 bytes")
		}
	}
	return o, err
}

func (b respondBody) order() (interaction.Order, error) {
	o, err := b.base()
	if err == nil {
		o.Response, err = optionalID("response_id", b.ResponseID)
	}
	return o, err
}

func (b categoryBody) order() (interaction.Order, error) {
	o, err := b.base()
	o.Category = b.Category
	return o, err
}

func (b stopBody) order() (interaction.Order, error) {
	return interaction.Order{Reason: b.Reason, Force: b.Force}, nil
}

// addOrder adds the route of one order. Whether the actor may know of the interaction is decided before
// whether he may give orders, so what is foreign is unknown to him and what is his groups' is forbidden.
func addOrder[B orderBody](s *server, name, summary string) {
	on(s, route{method: http.MethodPost, path: "/v1/interactions/{id}/" + name, summary: summary, role: interaction.RoleAgent},
		func(ctx context.Context, in *OrderOf[B]) (*ChangedInteraction, error) {
			id, err := pathID(in.ID, "interaction")
			if err != nil {
				return nil, err
			}
			version, err := in.version()
			if err != nil {
				return nil, err
			}
			order, err := in.Body.order()
			if err != nil {
				return nil, err
			}
			order.Name = name
			i, err := s.Order(ctx, actorOf(ctx), id, order, version)
			if err != nil {
				return nil, err
			}
			return changed(i), nil
		})
}
