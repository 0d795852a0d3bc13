// Package oidc signs people in at OpenID providers: Google and any other that
// OpenID Connect Discovery 1.0 describes.
//
// Providers implements commands.Providers. What a provider says of itself is
// fetched when it is first needed and kept for a while, so that one that is
// down stops nothing but sign-ins through itself. Its keys are fetched when a
// token names one that is not known.
//
// It trusts an id_token that the token endpoint gave for our code and verifier
// (RFC 7636), that is signed by a key of the provider in an asymmetric
// algorithm, and that names the issuer, this client, our nonce and a time that
// has not come. Answers, times and redirects are bounded. Nothing is written
// down here: commands keep state, nonce and verifier.
package oidc
