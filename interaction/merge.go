package interaction

import "time"

// Merge is two contacts that were found to be one person. Everything of the merged one went to the one that was kept; undone, it goes back.
type Merge struct {
	ID       ID
	Kept     ID
	Merged   ID
	Name     string // of the merged one
	Agent    ID     // who did it
	At       time.Time
	UndoneAt *time.Time
}
