// Package subscription is who follows which board and which hashtag. Following
// people is package follow, where approval and blocks come in.
//
// Subscription folds the streams boardfollow-<account>.<board> and
// tagfollow-<account>.<tag>, one relation each.
package subscription
