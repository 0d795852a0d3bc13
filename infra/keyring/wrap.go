package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// newID is an opaque, random name of a key.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// wrap seals plain under key as nonce and ciphertext, bound to what it is for.
func wrap(key cipher.AEAD, bound string, plain []byte) []byte {
	nonce := make([]byte, key.NonceSize(), key.NonceSize()+len(plain)+key.Overhead())
	_, _ = rand.Read(nonce)
	return key.Seal(nonce, nonce, plain, []byte(bound))
}

var errUnwrap = errors.New("the row does not open: it was changed, or wrapped by another key")

func unwrap(key cipher.AEAD, bound string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < key.NonceSize() {
		return nil, errUnwrap
	}
	plain, err := key.Open(nil, wrapped[:key.NonceSize()], wrapped[key.NonceSize():], []byte(bound))
	if err != nil {
		return nil, errUnwrap
	}
	return plain, nil
}
