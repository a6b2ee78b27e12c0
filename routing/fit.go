package routing

import "parley/interaction"

func limitOf(limits map[interaction.Channel]int, class string) int {
	if limit, set := limits[interaction.Channel(class)]; set {
		return limit
	}
	return interaction.DefaultLimit
}

// weightOf is how much a task of the class counts against an agent's total.
func weightOf(c *interaction.Capacity, class string) int {
	if weight, set := c.Weights[class]; set {
		return weight
	}
	return 1
}

// pointsOf is what an agent has, each task weighed.
func pointsOf(a *interaction.Agent) int {
	sum := 0
	for class, n := range a.Load {
		sum += n * weightOf(&a.Capacity, string(class))
	}
	return sum
}

// crowded says why the agent has no room for one more task of the class; Fits when he has. The claim checks the same in one
// statement (room in the store); a test holds the two together.
func crowded(a *interaction.Agent, class string) Why {
	if a.Load[interaction.Channel(class)] >= limitOf(a.Limits, class) {
		return ClassFull
	}
	// What weighs nothing is never kept out by the total.
	weight, points, most := weightOf(&a.Capacity, class), pointsOf(a), limitOf(a.Limits, interaction.Total)
	if weight > 0 && points+weight > most {
		return TotalFull
	}
	for _, r := range a.Capacity.Rules {
		if (r.No == interaction.AnyClass || r.No == class) && while(a, r.While) {
			return Blocked
		}
	}
	return Fits
}

// while reports whether the agent has at least so many of each.
func while(a *interaction.Agent, atLeast map[string]int) bool {
	for class, n := range atLeast {
		if a.Load[interaction.Channel(class)] < n {
			return false
		}
	}
	return true
}

// RoomFor reports whether the agent may have one more task of the class.
func RoomFor(a interaction.Agent, class string) bool { return crowded(&a, class) == Fits }

// takesOffers reports whether the agent is offered tasks at all: ready, at work, and not a designer, who configures.
func takesOffers(a *interaction.Agent) bool {
	return a.Ready && a.Enabled && a.Role != interaction.RoleDesigner
}

// away reports whether the agent has said that he is not ready for this class of tasks. He may still claim one by himself.
func away(a *interaction.Agent, class string) bool {
	_, is := a.Away[class]
	return is
}

func isSenior(a *interaction.Agent) bool {
	return interaction.Actor{Role: a.Role}.AtLeast(interaction.RoleSenior)
}
