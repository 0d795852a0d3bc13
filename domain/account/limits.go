package account

// Limits are the bounds that a community may set; lengths in characters.
type Limits struct {
	HandleMin, HandleMax                 int
	DisplayNameMax, BioMax, SignatureMax int
	VerificationTries                    int // wrong codes after which a mail's code is dead
}

// DefaultLimits are the documented ones.
func DefaultLimits() Limits {
	return Limits{HandleMin: 3, HandleMax: 30, DisplayNameMax: 50, BioMax: 500, SignatureMax: 160, VerificationTries: 5}
}

// AnyHandle lets every handle be looked for, whatever a community allows new
// ones to be.
var AnyHandle = Limits{HandleMin: 1, HandleMax: 64}
