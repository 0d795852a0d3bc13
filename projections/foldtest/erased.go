package foldtest

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/domain/session"
)

// erased is an event as it is read where keys are gone. What a person wrote or
// was named by is empty, as if it had never been said, and all else stays:
//
//   - account: handle, email, display_name, bio and signature are empty, links
//     are none. Ids of pictures, claims, roles, times, counts and the epoch of
//     sessions stay; so does email_verified, and account_settings but for locale
//     and time_zone, which are as at sign-up.
//   - session, history: device and network are empty.
//   - audit: reason is empty where it is about the account.
//   - report: reason is empty where the account reported; the copy of a message
//     (with its pictures and times), decision and appeal where it is about the
//     account. What was done, to what and when stays.
//   - post, comment, message: title, body and html are empty. Who wrote it (an
//     id, or a pseudonym and its owner, which is sealed under another key),
//     where and when, hashtags, mentions as ids, pictures, edits and counts stay.
//   - inbox_entry: there is none; nobody is left to be told. inbox still says
//     how far was read, and nothing is unread. room_member.told stays 0, for
//     which message one was told of is sealed.
//   - image: name and hashes are empty, so nothing leads to it; there is no
//     image_file. Whose it is (as with posts), what for, sizes and uses stay.
//   - relations, reactions, memberships and receipts stay: they are ids; so do
//     bookmarks, but for the names of their folders.
//   - board, room and api_key stay: their words belong to the community.
func erased(e Event, gone func(uuid.UUID) bool) event.Data {
	switch d := e.Data.(type) {
	case account.Registered:
		if gone(e.thing()) {
			d.Email, d.Handle, d.DisplayName, d.PasswordHash = "", "", "", ""
		}
		return d
	case account.EmailVerified:
		if gone(e.thing()) {
			d.Email = ""
		}
		return d
	case account.SettingsChanged:
		if gone(e.thing()) {
			d.Locale, d.TimeZone = nil, nil
		}
		return d
	case account.HandleChanged:
		if gone(e.thing()) {
			d.Handle = ""
		}
		return d
	case account.ProfileChanged:
		if gone(e.thing()) {
			d.DisplayName, d.Bio, d.Signature, d.Links = nil, nil, nil, nil
		}
		return d
	case account.RoleRevoked:
		if gone(e.thing()) {
			d.Reason = ""
		}
		return d
	case account.Suspended:
		if gone(e.thing()) {
			d.Reason = ""
		}
		return d
	case account.SuspensionLifted:
		if gone(e.thing()) {
			d.Reason = ""
		}
		return d
	case session.Started:
		if gone(d.Account) {
			d.Device, d.Network = "", ""
		}
		return d
	case session.Joined:
		if gone(d.Account) {
			d.Device, d.Network = "", ""
		}
		return d
	case session.Mismatched:
		if gone(d.Account) {
			d.Device, d.Network = "", ""
		}
		return d
	case chat.MessageSent:
		if gone(d.Sender) {
			d.Text, d.ClientID = "", ""
		}
		return d
	case chat.MessageEdited:
		if gone(d.Sender) {
			d.Text = ""
		}
		return d
	case chat.MessageRestored:
		if gone(d.Sender) {
			d.Text = ""
		}
		return d
	case notification.Notified:
		if gone(e.thing()) {
			return nil
		}
		return d
	}
	return erasedInReports(e, gone)
}

func erasedInReports(e Event, gone func(uuid.UUID) bool) event.Data {
	switch d := e.Data.(type) {
	case report.Made:
		if gone(d.Reporter) {
			d.Reason = ""
		}
		if gone(d.Author) {
			d.Copy = report.Copy{}
		}
		return d
	case report.Decided:
		if gone(d.About) {
			d.Reason = ""
		}
		return d
	case report.Appealed:
		if gone(d.Author) {
			d.Reason = ""
		}
		return d
	}
	return erasedInForum(e, gone)
}

func erasedInForum(e Event, gone func(uuid.UUID) bool) event.Data {
	switch d := e.Data.(type) {
	case post.Drafted:
		if gone(d.Author) {
			d.Title, d.Body = "", ""
		}
		return d
	case post.Published:
		if gone(d.Author) {
			d.Title, d.Body = "", ""
		}
		return d
	case post.Edited:
		if gone(d.Author) {
			d.Title, d.Body = "", ""
		}
		return d
	case comment.Published:
		if gone(d.Author) {
			d.Body = ""
		}
		return d
	case comment.Edited:
		if gone(d.Author) {
			d.Body = ""
		}
		return d
	case bookmark.Added:
		if gone(d.Account) {
			d.Folder = ""
		}
		return d
	case bookmark.Moved:
		if gone(d.Account) {
			d.Folder = ""
		}
		return d
	case comment.Restored:
		if gone(d.Author) {
			d.Body = ""
		}
		return d
	case post.Unmasked:
		if gone(d.Author) {
			d.Reason = ""
		}
		return d
	case image.Uploaded:
		if gone(d.Owner) {
			d.Name, d.Hashes = "", nil
		}
		return d
	}
	return e.Data
}
