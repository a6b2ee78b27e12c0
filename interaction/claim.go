package interaction

// Claim is an identity that a customer says is his, that nobody has proven, and that is another contact's. It joins him to that contact no more than it shows him anything of it:
// agents see whom he claims to be, and may merge the two.
type Claim struct {
	Kind    string // email or phone
	Value   string
	Contact ID     // whose it is; empty where who asks may not know of him
	Name    string // of that contact
}
