package interaction

// maxRetentionDays is a hundred years: more is never.
const maxRetentionDays = 36500

// retention checks a rule of retention beside the others that there will be.
func (c *checker) retention(at place, r RetentionRule, others []RetentionRule) {
	at.code(r.Name)
	at.among("kind", string(r.Kind), texts(RetentionKinds))
	at.between("days", r.Days, 1, maxRetentionDays)
	switch {
	case r.Channel == "":
	case r.Kind == RetainContacts:
		at.fault("channel", string(r.Channel), "does not go with contacts, who have all channels; leave it out")
	default:
		at.among("channel", string(r.Channel), texts(Channels))
	}
	for _, o := range others {
		if o.Name != r.Name && o.Kind == r.Kind && o.Channel == r.Channel {
			at.fault("kind", string(r.Kind), "has a rule for the same channel already: %q; change that one", o.Name)
		}
	}
}
