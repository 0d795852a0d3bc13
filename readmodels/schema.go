package readmodels

import "slices"

// Schema is what makes the tables of every noun, in SQL that both engines
// take; each statement creates if absent.
func Schema() []string {
	return slices.Concat(
		// a line a noun: accountSchema, boardSchema, …
		accountSchema,
		settingsSchema,
		sessionSchema,
		historySchema,
		followSchema,
		timelineSchema,
		requestSchema,
		boardSchema,
		postSchema,
		revisionSchema,
		hashtagSchema,
		commentSchema,
		reactionSchema,
		bookmarkSchema,
		roomSchema,
		messageSchema,
		inboxSchema,
		apiKeySchema,
		auditSchema,
		imageSchema,
		reportSchema,
	)
}
