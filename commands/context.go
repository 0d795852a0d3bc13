package commands

import (
	"context"

	"github.com/parleyhq/parley/domain/event"
)

type metaKey struct{}
type positionKey struct{}

// WithMeta lets every event that a command appends under ctx say why it is.
func WithMeta(ctx context.Context, m event.Meta) context.Context {
	return context.WithValue(ctx, metaKey{}, m)
}

// MetaFrom is what WithMeta put there; actor "system" where nothing was.
func MetaFrom(ctx context.Context) event.Meta {
	if m, ok := ctx.Value(metaKey{}).(event.Meta); ok {
		return m
	}
	return event.Meta{Actor: event.System}
}

// WithActor is ctx with another actor: a pseudonym's, or a process's.
func WithActor(ctx context.Context, actor string) context.Context {
	m := MetaFrom(ctx)
	m.Actor = actor
	return WithMeta(ctx, m)
}

// WithPosition makes every decision under ctx see the log up to position, at
// the least.
func WithPosition(ctx context.Context, position uint64) context.Context {
	return context.WithValue(ctx, positionKey{}, position)
}

// PositionFrom is what WithPosition put there, or 0.
func PositionFrom(ctx context.Context) uint64 {
	p, _ := ctx.Value(positionKey{}).(uint64)
	return p
}
