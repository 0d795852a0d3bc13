// Package telemetry is what a process says of itself: logs and metrics.
//
// NewLog makes the one logger of a process: JSON lines, or text on a
// terminal, every value escaped, so that no input can forge a line. NewMetrics
// makes the registry that /metrics serves, with Go's and the process's own.
//
// Nothing here decides what is logged. Whoever logs gives ids and slugs,
// never words of people, tokens or keys; redact is the last net under that.
package telemetry
