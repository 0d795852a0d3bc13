package rest

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddr is the address that the request comes from. Behind trusted
// proxies it is the rightmost entry of X-Forwarded-For that is no trusted
// proxy itself; what stands left of it can be forged and is not looked at.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	port, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket
	}
	addr := port.Addr().Unmap().WithZone("")
	if len(s.cfg.TrustedProxies) == 0 || !s.trusted(addr) {
		return addr
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			entry := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				rest = ""
			}
			next, ok := forwardedAddr(strings.TrimSpace(entry))
			if !ok {
				return addr
			}
			addr = next
			if !s.trusted(addr) {
				return addr
			}
		}
	}
	return addr
}

// forwardedAddr reads an entry: an address, some proxies add a port.
func forwardedAddr(entry string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(entry); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if p, err := netip.ParseAddrPort(entry); err == nil {
		return p.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// networkOf is an IPv4 address, or the /64 of an IPv6 one: what one subscriber
// has. It is empty where there is no address.
func networkOf(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return ""
	case a.Is4():
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}
