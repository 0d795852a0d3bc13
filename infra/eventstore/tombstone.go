package eventstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/parleyhq/parley/domain/event"
)

// Tombstone ends a stream for good: nothing can be appended to it, and reading
// it is ErrDeleted. A stream that has a tombstone is a success. Parley has no
// use for it; outside writers have, and copying a log does what they did.
// Errors: *event.WrongRevision.
func (s *Store) Tombstone(ctx context.Context, stream string, expected event.Expected) error {
	o := &streams.TombstoneReq_Options{StreamIdentifier: identifier(stream)}
	switch expected {
	case event.Any:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_Any{Any: &shared.Empty{}}
	case event.NoStream:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_NoStream{NoStream: &shared.Empty{}}
	case event.Exists:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_StreamExists{StreamExists: &shared.Empty{}}
	default:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_Revision{Revision: uint64(expected)}
	}
	err := s.read(ctx, func(ctx context.Context, _ *watch) error {
		conn, client, err := s.client(ctx)
		if err != nil {
			return err
		}
		var trailer metadata.MD
		_, err = client.Tombstone(metadata.AppendToOutgoingContext(ctx, "requires-leader", "true"), &streams.TombstoneReq{Options: o}, grpc.Trailer(&trailer))
		if err != nil {
			err = excepted(trailer, stream, expected, err)
			s.link.lost(conn, err)
		}
		return err
	})
	if errors.Is(err, ErrDeleted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tombstone of %s: %w", stream, err)
	}
	return nil
}
