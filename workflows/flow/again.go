package flow

import (
	"parley/activities/delivery"
	"parley/interaction"
)

// SendAgain sends the message once more that the report at the story's beginning says has bounced for now, behind the wait that the policy has for it. It reports
// whether a carrier has it now; false where there is no such policy, or its last try was made: then people are to know.
func (f *Flow) SendAgain() bool {
	bounced := func(key string) delivery.Bounced {
		return delivery.Bounced{Interaction: f.in.Interaction, Step: key, Report: f.in.Message}
	}
	again := step(f, "may-send-again", func(key string) (interaction.Again, error) {
		return local[interaction.Again](f, quick, (*delivers)(nil).MaySendAgain, bounced(key))
	})
	if !again.Send {
		return false
	}
	f.Wait(again.Wait)
	message := step(f, "send-again", func(key string) (int64, error) {
		return local[int64](f, quick, (*delivers)(nil).SendAgain, bounced(key))
	})
	return message != 0 && f.deliver(message) == interaction.SendSent
}
