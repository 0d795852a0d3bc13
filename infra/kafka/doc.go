// Package kafka drives Kafka through kafka-go.
//
// Open gives a Client of one cluster; everything else is made of it. A
// Publisher and a Subscriber are Watermill's: the Publisher keeps the order of
// each key even when a request fails in the middle, the Subscriber belongs to
// a consumer group and has a window of unacknowledged messages. A Feed is the
// tail of the event log as Kafka tells it: all partitions, without a group,
// for nodes that want every event.
//
// Topics are made by whoever needs them first (EnsureTopics), never by
// accident. The package knows nothing of what a message means: what turns one
// into an event is handed in.
package kafka
