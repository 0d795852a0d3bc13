package push

import "encoding/binary"

// CloseCode is why a socket was closed. 4000–4099 mean: come back, with the
// numbers you have. 4100–4199 mean: do not come back in the same way.
type CloseCode uint16

// Every code that this server sends. 1000 answers a client that leaves.
const (
	CloseNormal       CloseCode = 1000
	CloseTooSlow      CloseCode = 4001
	CloseGoingAway    CloseCode = 4002
	CloseTokenExpired CloseCode = 4003
	CloseNoPong       CloseCode = 4004
	CloseBadTicket    CloseCode = 4101
	CloseSessionEnded CloseCode = 4102
	CloseProtocol     CloseCode = 4103
	CloseTooMany      CloseCode = 4104
)

// closings says what each code means; the reason travels in the close frame.
var closings = map[CloseCode]struct {
	Reason    string
	Reconnect bool
}{
	CloseNormal:       {"goodbye", false},
	CloseTooSlow:      {"too slow: frames waited beyond the bound", true},
	CloseGoingAway:    {"this node is going away", true},
	CloseTokenExpired: {"the access token has expired", true},
	CloseNoPong:       {"no pong in time", true},
	CloseBadTicket:    {"bad, used or missing ticket", false},
	CloseSessionEnded: {"the session has ended", false},
	CloseProtocol:     {"not a frame of this protocol", false},
	CloseTooMany:      {"too many sockets of this account", false},
}

// Reconnect says whether a client shall come back.
func (c CloseCode) Reconnect() bool { return closings[c].Reconnect }

// Reason is one phrase, in English.
func (c CloseCode) Reason() string { return closings[c].Reason }

// closeFrame is the whole frame of RFC 6455, 5.5.1.
func closeFrame(c CloseCode) []byte {
	reason := c.Reason()
	f := append(make([]byte, 0, 4+len(reason)), 0x80|opClose, byte(2+len(reason)))
	f = binary.BigEndian.AppendUint16(f, uint16(c))
	return append(f, reason...)
}
