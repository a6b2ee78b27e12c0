package api

import (
	"context"
	"time"

	"parley/interaction"
)

// Links tells how the lines to carriers are doing. Which there are is configuration.
type Links interface {
	Links(ctx context.Context) ([]interaction.LinkView, error)
}

// CarrierLink is an account or a line at a carrier, with how it is doing.
type CarrierLink struct {
	Name       string                `json:"name"`
	Kind       string                `json:"kind"`
	EntryPoint string                `json:"entry_point"`
	Disabled   bool                  `json:"disabled"`
	State      interaction.LinkState `json:"state" enum:"idle,up,away,fault" doc:"fault: somebody must do something, such as mend a setting"`
	Detail     string                `json:"detail,omitempty" doc:"what it met last"`
	Since      *time.Time            `json:"since,omitempty"`
	Holder     string                `json:"holder,omitempty" doc:"the process that works on it"`
}

func linkView(v interaction.LinkView) CarrierLink {
	return CarrierLink{
		Name: v.Name, Kind: v.Kind, EntryPoint: v.EntryPoint, Disabled: v.Disabled, State: v.State, Detail: v.Detail, Since: moment(v.Since), Holder: v.Holder,
	}
}

func (s *server) listLinks(ctx context.Context, _ *struct{}) (*List[CarrierLink], error) {
	found, err := s.Links(ctx)
	if err != nil {
		return nil, err
	}
	return whole(found, linkView), nil
}
