package flow

import "parley/interaction"

// standing is how a chat's session stands. Its news are not waited for one by one: each changes what is known, and the story waits until
// that is what it needs.
type standing interaction.ChatStanding

// noteStanding takes news of who comes, goes and ends the session; everything else is left for who waits for it.
func (f *Flow) noteStanding(n interaction.News) bool {
	switch n.Kind {
	case interaction.NewsJoined:
		f.chat.Present, f.chat.Asleep, f.chat.Agent = true, false, n.Agent
	case interaction.NewsLeft:
		f.chat.Present, f.chat.Asleep, f.chat.Alone = false, n.Code == "asleep", f.Now()
	case interaction.NewsEnded:
		f.chat.Over = n.Code
	default:
		return false
	}
	return true
}

// waitAnew begins the customer's wait for an agent at this moment.
func (f *Flow) waitAnew() { f.chat.Alone = f.Now() }

// carried is what goes into the next run; nothing for what is no chat.
func (s standing) carried() *interaction.ChatStanding {
	if s == (standing{}) {
		return nil
	}
	c := interaction.ChatStanding(s)
	return &c
}

func (s *standing) restore(c *interaction.ChatStanding) {
	if c != nil {
		*s = standing(*c)
	}
}
