package keyring

import "crypto/rand"

// KeySize is the length of every key, in bytes: AES-256.
const KeySize = 32

// NewMasterKey is a master key as its file holds it.
func NewMasterKey() ([]byte, error) { return randomKey(), nil }

func randomKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails
	return key
}
