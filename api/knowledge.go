package api

import (
	"context"

	"parley/interaction"
)

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
