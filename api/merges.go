package api

import (
	"context"
	"time"

	"parley/interaction"
)

// Merge is two contacts that were found to be one person.
type Merge struct {
	ID       interaction.ID `json:"id"`
	KeptID   interaction.ID `json:"kept_id"`
	MergedID interaction.ID `json:"merged_id"`
	Name     string         `json:"name" doc:"of the merged one"`
	AgentID  interaction.ID `json:"agent_id"`
	At       time.Time      `json:"at"`
	UndoneAt *time.Time     `json:"undone_at,omitempty"`
}

func mergeView(m interaction.Merge) Merge {
	return Merge{m.ID, m.Kept, m.Merged, m.Name, m.Agent, m.At, m.UndoneAt}
}

// MergeInput names the contact that goes into this one.
type MergeInput struct {
	ByID
	Body struct {
		ContactID string `json:"contact_id" doc:"of the contact that is the same person"`
	}
}

// UnmergeInput names the merge that is undone.
type UnmergeInput struct {
	ByID
	Body struct {
		MergeID string `json:"merge_id"`
	}
}

// MergeOutput is a merge.
type MergeOutput struct {
	Body Merge
}

func (s *server) mergeContact(ctx context.Context, in *MergeInput) (*MergeOutput, error) {
	kept, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	merged, err := pathID(in.Body.ContactID, "contact")
	if err != nil {
		return nil, err
	}
	m, err := s.MergeContacts(ctx, actorOf(ctx), kept, merged)
	if err != nil {
		return nil, err
	}
	return &MergeOutput{mergeView(m)}, nil
}

func (s *server) unmergeContact(ctx context.Context, in *UnmergeInput) (*MergeOutput, error) {
	kept, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	merge, err := pathID(in.Body.MergeID, "merge")
	if err != nil {
		return nil, err
	}
	m, err := s.UnmergeContacts(ctx, actorOf(ctx), kept, merge)
	if err != nil {
		return nil, err
	}
	return &MergeOutput{mergeView(m)}, nil
}

func (s *server) listMerges(ctx context.Context, in *ByID) (*List[Merge], error) {
	id, err := pathID(in.ID, "contact")
	if err != nil {
		return nil, err
	}
	found, err := s.Merges(ctx, actorOf(ctx), id)
	if err != nil {
		return nil, err
	}
	return listed("merges of "+in.ID, interaction.Listed[interaction.Merge]{Items: found}, mergeView), nil
}
