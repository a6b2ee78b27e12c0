package api

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"slices"

	"parley/interaction"
)

// setupKind is one list of the configuration as the API has it: how its things come out of a setup and go into one.
type setupKind[T any] struct {
	list string
	out  func(interaction.Setup) []T
	into func(*interaction.Setup, []T)
	name func(*T) *string
}

// addSetup adds the routes of one list.
func addSetup[T any](s *server, k setupKind[T]) {
	path := "/v1/configuration/" + k.list
	people := k.list == interaction.ListAgents // who may do what is for admins to say
	on(s, route{method: get, path: path, summary: "List " + k.list, configures: true}, func(ctx context.Context, _ *struct{}) (*List[T], error) {
		setup, err := s.Configuration(ctx)
		if err != nil {
			return nil, err
		}
		return whole(k.out(setup), func(item T) T { return item }), nil
	})
	on(s, route{method: get, path: path + "/{name}", summary: "Look at one of " + k.list, configures: true}, func(ctx context.Context, in *ByName) (*SetupOutput[T], error) {
		return k.read(ctx, s, in.Name)
	})
	on(s, route{method: put, path: path + "/{name}", summary: "Add or change one of " + k.list, configures: true, admins: people, limit: 256 << 10},
		func(ctx context.Context, in *SetupInput[T]) (*SetupOutput[T], error) { return k.put(ctx, s, in) })
	on(s, route{method: del, path: path + "/{name}", summary: "Remove one of " + k.list + ", if nothing uses it", configures: true, admins: people},
		func(ctx context.Context, in *SetupRemoval) (*noContent, error) {
			version, err := in.version()
			if err != nil {
				return nil, err
			}
			return nil, s.Remove(ctx, actorOf(ctx), k.list, in.Name, func(there interaction.Entry) error { return unchanged(version, &there) })
		})
}

// ByName is the input of a route about one thing of the configuration.
type ByName struct {
	Name string `path:"name" maxLength:"100"`
}

// SetupRemoval is the input of a removal.
type SetupRemoval struct {
	ByName
	IfMatch
}

// SetupInput adds or changes one thing of the configuration.
type SetupInput[T any] struct {
	ByName
	IfMatch
	Body T
}

// SetupOutput is one thing of the configuration.
type SetupOutput[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func (k setupKind[T]) read(ctx context.Context, s *server, name string) (*SetupOutput[T], error) {
	setup, err := s.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	entries := setup.Entries()
	at := slices.IndexFunc(entries, func(e interaction.Entry) bool { return e.List == k.list && e.Name == name })
	items := k.out(setup)
	n := slices.IndexFunc(items, func(item T) bool { return *k.name(&item) == name })
	if n < 0 || at < 0 {
		return nil, interaction.Unknown("entry")
	}
	return &SetupOutput[T]{etag(versionOf(&entries[at])), items[n]}, nil
}

func (k setupKind[T]) put(ctx context.Context, s *server, in *SetupInput[T]) (*SetupOutput[T], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	switch name := k.name(&in.Body); *name {
	case "":
		*name = in.Name
	case in.Name:
	default:
		return nil, interaction.Invalid("other_name", "name", "is not the name in the path; leave it out")
	}
	var setup interaction.Setup
	k.into(&setup, []T{in.Body})
	if err := s.means(setup); err != nil {
		return nil, err
	}
	if _, err := s.Put(ctx, actorOf(ctx), setup, func(there *interaction.Entry) error { return unchanged(version, there) }); err != nil {
		return nil, err
	}
	return k.read(ctx, s, in.Name)
}

// means refuses rules and texts that do not compile.
func (s *server) means(setup interaction.Setup) error {
	if s.Meaning == nil {
		return nil
	}
	return interaction.Faults(s.Meaning(setup))
}

// unchanged refuses what was written against another version than what is there.
func unchanged(version int64, there *interaction.Entry) error {
	if version == 0 {
		return nil
	}
	if there == nil {
		return interaction.Stale(0)
	}
	if now := versionOf(there); now != version {
		return interaction.Stale(now)
	}
	return nil
}

// versionOf is the version of a thing of the configuration: a hash of what it says.
func versionOf(e *interaction.Entry) int64 {
	h := fnv.New64a()
	_ = json.NewEncoder(h).Encode(e.Fields) // it came out of JSON
	return int64(h.Sum64()>>1 | 1)
}

// WholeOutput is the whole configuration.
type WholeOutput struct {
	Body SetupBody
}

func (s *server) getConfiguration(ctx context.Context, _ *struct{}) (*WholeOutput, error) {
	setup, err := s.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	return &WholeOutput{setupBody(setup)}, nil
}

// WholeInput applies a configuration.
type WholeInput struct {
	DryRun bool `query:"dry_run" doc:"only say what would change"`
	Prune  bool `query:"prune" doc:"also remove what is not named, where nothing uses it; people stay"`
	Body   SetupBody
}

// ChangesOutput is what a configuration changed, or would.
type ChangesOutput struct {
	Body struct {
		Changes []SetupChange `json:"changes" nullable:"false"`
		Applied bool          `json:"applied" doc:"false: it was a dry run"`
	}
}

// SetupChange is what applying a configuration does to one thing.
type SetupChange struct {
	List   string             `json:"list"`
	Name   string             `json:"name"`
	Action string             `json:"action" enum:"add,change,remove"`
	Fields []SetupFieldChange `json:"fields,omitempty"`
}

// SetupFieldChange is one field of it.
type SetupFieldChange struct {
	Field  string `json:"field"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

func (s *server) applyConfiguration(ctx context.Context, in *WholeInput) (*ChangesOutput, error) {
	by := actorOf(ctx)
	setup := in.Body.setup()
	if len(setup.Agents) > 0 && by.Role != interaction.RoleAdmin {
		return nil, interaction.Forbidden("admins_only", "who may do what is for admins to say; leave agents out")
	}
	if err := s.means(setup); err != nil {
		return nil, err
	}
	var changes []interaction.Change
	var err error
	if in.DryRun {
		changes, err = s.Plan(ctx, setup, in.Prune)
	} else {
		changes, err = s.ApplyChanges(ctx, by, setup, in.Prune)
	}
	if err != nil {
		return nil, err
	}
	out := &ChangesOutput{}
	out.Body.Applied = !in.DryRun
	out.Body.Changes = each(changes, func(c interaction.Change) SetupChange {
		return SetupChange{c.List, c.Name, c.Action, each(c.Fields, func(f interaction.FieldChange) SetupFieldChange { return SetupFieldChange(f) })}
	})
	return out, nil
}
