// Package relay brings every event of the log to Kafka.
//
// Relay is the one process of a cluster that does so at a time: it tails the
// log from its checkpoint, turns each record into a CloudEvents 1.0 message in
// binary mode (Encoder), and publishes in the log's order, batch by batch. The
// checkpoint follows what the brokers have acknowledged: behind, never ahead.
// So Kafka may see an event twice and never misses one, and of each partition
// it always holds everything before what it holds.
//
// Decode is the way back: a message's record, as it stands in the log. Topics
// says where which events are. The package knows brokers only as Watermill's
// Publisher, and never writes to the log.
package relay
