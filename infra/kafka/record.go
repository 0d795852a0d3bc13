package kafka

import (
	"io"
	"maps"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Metadata of messages are headers of records, name for name. Two things of a
// message have their place by the Kafka binding of CloudEvents 1.0:
const (
	// IDHeader is the header that holds a message's UUID.
	IDHeader = "ce_id"
	// KeyMetadata is the metadata whose value is also the record's key. What
	// has one key keeps its order.
	KeyMetadata = "ce_partitionkey"
)

// record is a message as Kafka takes it. Its time is when it is published, not
// when the event was: a broker drops by time, and must not drop the old at
// once.
func record(m *message.Message) kafka.Record {
	size := len(m.UUID)
	for _, value := range m.Metadata {
		size += len(value)
	}
	values := make([]byte, 0, size) // of all headers in one piece
	put := func(value string) []byte {
		values = append(values, value...)
		return values[len(values)-len(value) : len(values) : len(values)]
	}
	headers := make([]kafka.Header, 1, len(m.Metadata)+1)
	headers[0] = kafka.Header{Key: IDHeader, Value: put(m.UUID)}
	var key protocol.Bytes
	for name, value := range m.Metadata { // their order says nothing
		if name == IDHeader {
			continue
		}
		h := kafka.Header{Key: name, Value: put(value)}
		if name == KeyMetadata {
			key = &whole{bytes: h.Value}
		}
		headers = append(headers, h)
	}
	value := m.Payload
	if value == nil {
		value = []byte{} // nil would be a tombstone
	}
	return kafka.Record{Key: key, Headers: headers, Value: &whole{bytes: value}}
}

// whole is a key or value that is written whole each time: a record may be
// sent again, even while a request that was given up still writes it. (Those
// of kafka-go are empty once they are written.)
type whole struct {
	bytes []byte
	read  int // by Read, which no request uses
}

// Len implements protocol.Bytes.
func (w *whole) Len() int { return len(w.bytes) }

// WriteTo implements io.WriterTo, by which records are written.
func (w *whole) WriteTo(out io.Writer) (int64, error) {
	n, err := out.Write(w.bytes)
	return int64(n), err
}

// Read implements io.Reader.
func (w *whole) Read(b []byte) (int, error) {
	if w.read == len(w.bytes) {
		return 0, io.EOF
	}
	n := copy(b, w.bytes[w.read:])
	w.read += n
	return n, nil
}

// Close implements io.Closer.
func (w *whole) Close() error { return nil }

// recordOverhead is more than a record needs beside its key, value and
// headers, and a header beside its name and value, in bytes.
const (
	recordOverhead = 64
	headerOverhead = 10
)

// sizeOf is at least what the record takes in a batch that is not compressed.
func sizeOf(r kafka.Record) int {
	n := recordOverhead + r.Value.Len()
	if r.Key != nil {
		n += r.Key.Len()
	}
	for _, h := range r.Headers {
		n += headerOverhead + len(h.Key) + len(h.Value)
	}
	return n
}

// place is the partition of a message among count: Java's, so that other
// producers agree. Without a key it is the UUID's, so that a message that is
// published again lands where it was.
func place(m *message.Message, partitions []int) int {
	key, ok := m.Metadata[KeyMetadata]
	if !ok {
		key = m.UUID
	}
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: []byte(key)}, partitions...)
}

// fetched is a record that was read, free of the network's buffers.
type fetched struct {
	offset  int64
	id      string
	headers map[string]string
	value   []byte
}

// message is a new message of it, to be acknowledged by itself.
func (f fetched) message() *message.Message {
	m := message.NewMessage(f.id, f.value)
	m.Metadata = maps.Clone(f.headers)
	return m
}

// take reads one record and gives its buffers back.
func take(r *protocol.Record) (fetched, error) {
	f := fetched{offset: r.Offset, headers: make(map[string]string, len(r.Headers))}
	for _, h := range r.Headers {
		if h.Key == IDHeader {
			f.id = string(h.Value)
		} else {
			f.headers[h.Key] = string(h.Value)
		}
	}
	var err error
	f.value, err = protocol.ReadAll(r.Value)
	for _, b := range []protocol.Bytes{r.Key, r.Value} {
		if b != nil {
			_ = b.Close()
		}
	}
	return f, err
}
