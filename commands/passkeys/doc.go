// Package passkeys speaks WebAuthn with browsers: discoverable credentials
// that verify their person, and no attestation.
//
// A Party is the site that passkeys are made for. Create and Ask make the
// options that a page hands to navigator.credentials, as the W3C's JSON, and
// what the server keeps of them until the answer comes; Created and Answered
// check the answer against that. The package keeps nothing and knows of no
// account but by its id.
//
// Answers come from strangers. All that is wrong with one is ErrInvalid, what
// makes a parser panic too.
package passkeys
