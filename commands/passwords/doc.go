// Package passwords hashes passwords and knows the common ones.
//
// A Hasher makes and checks argon2id hashes as PHC strings, a bounded number
// at once. Who waits too long for a turn is refused, so that a flood of
// sign-ins cannot take the machine's memory. Check for an unknown account does
// the same work as for a known one.
//
// common.txt holds the passwords of eight or more characters among the 30,000
// commonest ones of zxcvbn's list (see LICENSE-zxcvbn.txt), in lower case.
package passwords
