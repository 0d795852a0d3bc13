// Package letter makes a letter (RFC 5322) of a commands.Mail: the same one,
// whether infra/smtp delivers it or infra/files puts it into a folder.
//
// It opens no connection and no file.
package letter
