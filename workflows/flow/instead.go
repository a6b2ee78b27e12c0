package flow

import (
	"parley/activities/conversation"
	"parley/activities/delivery"
	"parley/interaction"
)

// Instead is for a chat that comes to nothing. By policy it becomes a message by mail or a callback, in the same thread: while the customer is there, he is asked for
// what that lacks. It ends the session and gives the reason why the chat stops.
func (f *Flow) Instead(policy, why string) (reason string) {
	turn := conversation.Turn{Policy: policy, Reason: why}
	if (policy == interaction.InsteadMessage || policy == interaction.InsteadBook) && f.chat.Over == "" {
		for n := range mostAsked {
			turn.Question = n
			if !f.ask("ask-for-message", (*converses)(nil).AskForMessage, turn) {
				break
			}
		}
	}
	told := step(f, "instead", func(key string) (interaction.ChatTold, error) {
		turn.Interaction, turn.Step = f.in.Interaction, key
		return local[interaction.ChatTold](f, quick, (*converses)(nil).EndOfChat, turn)
	})
	f.chat.Over = "workflow" // also when the story is told again
	return told.Reason
}

// mostAsked is how often a customer is asked for what a message or a callback lacks: an address, and words; whether he wants it, and a number.
const mostAsked = 2

// Transcript keeps what was said, once, and mails it to the customer once where he wants that. It follows every chat, whatever ended it. What
// became of a mail whose answer was lost stays unknown: nobody is asked about a transcript, and it is not sent again.
func (f *Flow) Transcript() {
	kept := step(f, "transcript", func(string) (interaction.ChatKept, error) {
		turn := conversation.Turn{Interaction: f.in.Interaction, Step: "transcript"}
		return local[interaction.ChatKept](f, quick, (*converses)(nil).KeepChatTranscript, turn)
	})
	if kept.Mail {
		step(f, "mail-transcript", func(string) (delivery.Sent, error) { return f.send(kept.Message) })
	}
}
