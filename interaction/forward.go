package interaction

// Forward asks somebody outside about an interaction, by mail; what he answers comes back into it.
type Forward struct {
	To   Address
	Text string // what is asked; what the customer wrote stands below it
}
