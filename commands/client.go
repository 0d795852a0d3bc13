package commands

import "context"

// Client is where a request comes from, as far as sessions, limits and the
// account's own history care.
type Client struct {
	Network string // an IPv4 address, or an IPv6 network of 64 bits: "2001:db8::/64"
	Agent   string // User-Agent, at most 512 bytes
}

type clientKey struct{}

// WithClient tells the commands under ctx who is on the other end.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientFrom is what WithClient put there, or the empty Client.
func ClientFrom(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}
