package event

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/google/uuid"
)

// Errors of Positions.Decode.
var (
	ErrPosition = errors.New("event: not a position token")
	ErrEpoch    = errors.New("event: a position of another epoch of the log")
)

// positionVersion is the first byte of every token; another form is another
// version.
const positionVersion = 1

// positionSize is version, epoch, position and a checksum, in bytes. The
// checksum keeps a mistyped token from passing for one of another epoch.
const positionSize = 1 + 16 + 8 + 4

var tokenEncoding = base64.RawURLEncoding.Strict()

// Positions turns positions of one epoch of the log into opaque tokens and
// back. The zero epoch is as good as any other.
type Positions struct{ epoch uuid.UUID }

// NewPositions makes the codec of an epoch.
func NewPositions(epoch uuid.UUID) Positions { return Positions{epoch: epoch} }

// Epoch is the epoch that every token names.
func (p Positions) Epoch() uuid.UUID { return p.epoch }

// Encode is the token of a position: 39 characters of base64url.
func (p Positions) Encode(position uint64) string {
	var b [positionSize]byte
	b[0] = positionVersion
	copy(b[1:], p.epoch[:])
	binary.BigEndian.PutUint64(b[17:], position)
	binary.BigEndian.PutUint32(b[25:], crc32.ChecksumIEEE(b[:25]))
	return tokenEncoding.EncodeToString(b[:])
}

// Decode is the position of a token.
// Errors: ErrPosition for what Encode never made, ErrEpoch for a token of
// another epoch.
func (p Positions) Decode(token string) (uint64, error) {
	var b [positionSize]byte
	if len(token) != tokenEncoding.EncodedLen(positionSize) {
		return 0, ErrPosition
	}
	if _, err := tokenEncoding.Decode(b[:], []byte(token)); err != nil {
		return 0, ErrPosition
	}
	if b[0] != positionVersion || binary.BigEndian.Uint32(b[25:]) != crc32.ChecksumIEEE(b[:25]) {
		return 0, ErrPosition
	}
	if uuid.UUID(b[1:17]) != p.epoch {
		return 0, ErrEpoch
	}
	return binary.BigEndian.Uint64(b[17:]), nil
}
