// Package redis keeps in Redis what the nodes of one community share and may
// lose: small values for a short time (Ephemeral), limits and ended sessions
// (Shared), messages that may get lost (Bus), who is connected where (Routes).
// infra/memory is the same for one process.
//
// Everything but one mark expires by itself, and the whole of it may be
// emptied at any time: no promise stands on it. It holds no secrets and no
// addresses, only hashes and ids. Scripts name their keys, apart from one that
// removes old members of a group: this is for one server with replicas or
// Sentinel, not for Redis Cluster. Times are the server's own, so clocks of
// nodes need not agree.
package redis
