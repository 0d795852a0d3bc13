package session

import "crypto/subtle"

// Binding is where a family of tokens was issued to, as keyed hashes of 16
// bytes. What is nil is not bound.
type Binding struct {
	Agent   []byte // of the User-Agent
	Network []byte
}

func (b Binding) none() bool { return b.Agent == nil && b.Network == nil }

// Fits says whether the tokens of family were issued to where b says, as far
// as b says anything. A family that is not known is not refused here.
func (s *Session) Fits(id [16]byte, b Binding) bool {
	f := s.family(id)
	return f == nil || b.Fits(f.bound)
}

// Fits says whether tokens bound to other are good at b, as far as b says
// anything. What the other one leaves out does not fit.
func (b Binding) Fits(other Binding) bool {
	same := func(want, have []byte) bool { return want == nil || subtle.ConstantTimeCompare(want, have) == 1 }
	return same(b.Agent, other.Agent) && same(b.Network, other.Network)
}
