package routing

import "parley/interaction"

// total is the limit over all classes; defaultLimit counts where an agent has none set, as it does for claims.
const (
	total        = "total"
	defaultLimit = 10
)

func limitOf(limits map[interaction.Channel]int, class string) int {
	if limit, set := limits[interaction.Channel(class)]; set {
		return limit
	}
	return defaultLimit
}

func totalLoad(a *interaction.Agent) int {
	sum := 0
	for _, n := range a.Load {
		sum += n
	}
	return sum
}

// takesOffers reports whether the agent is offered tasks at all: ready, at work, and not a designer, who configures.
func takesOffers(a *interaction.Agent) bool {
	return a.Ready && a.Enabled && a.Role != interaction.RoleDesigner
}

func isSenior(a *interaction.Agent) bool {
	return interaction.Actor{Role: a.Role}.AtLeast(interaction.RoleSenior)
}
