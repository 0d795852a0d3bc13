// Package settings holds every setting of the product.
//
// Settings is the table: one struct field a setting, its tags say the flag,
// the default, the help, the check and who needs it. The environment variable
// and the key of the settings file follow from the flag, so a new setting is
// one line. Sources reads the environment and the file for kong; a flag beats
// the environment, which beats the file, which beats the default.
//
// What is unknown or wrong is a *UsageError, one sentence that names the
// setting as it was spelled; what is known but not built yet stands in notYet.
// Values may be read by all; nothing here opens a connection or a folder.
package settings
