package settings

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Bytes is a size. It is written with a unit: 512B, 64KiB, 5MiB.
type Bytes int64

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > math.MaxInt64 {
		return fmt.Errorf("expected a size like 64KiB but got %q", text)
	}
	*b = Bytes(n)
	return nil
}

// String is the size in the largest unit that is exact.
func (b Bytes) String() string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	n, u := int64(b), 0
	for n != 0 && n%1024 == 0 && u < len(units)-1 {
		n, u = n/1024, u+1
	}
	return strconv.FormatInt(n, 10) + units[u]
}

// DurationOrOff is a duration, or 0 for "off".
type DurationOrOff time.Duration

// UnmarshalText reads a duration or the word off.
func (d *DurationOrOff) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 {
		return fmt.Errorf("expected a duration above 0 or off but got %q", text)
	}
	*d = DurationOrOff(v)
	return nil
}

// String is the duration, or off.
func (d DurationOrOff) String() string {
	if d == 0 {
		return "off"
	}
	return duration(time.Duration(d))
}

// duration drops the zero minutes and seconds that Duration.String adds.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Switch is on or off. It is no bool, because kong gives those no value.
type Switch struct{ On bool }

// UnmarshalText reads on or off.
func (s *Switch) UnmarshalText(text []byte) error {
	if string(text) != "on" && string(text) != "off" {
		return fmt.Errorf("expected on or off but got %q", text)
	}
	s.On = string(text) == "on"
	return nil
}

// String is on or off.
func (s Switch) String() string {
	if s.On {
		return "on"
	}
	return "off"
}

// Rate is so many in so long: 30/1m.
type Rate struct {
	Count int
	Per   time.Duration
}

// UnmarshalText reads a rate.
func (r *Rate) UnmarshalText(text []byte) error {
	count, per, found := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(count)
	d, err2 := time.ParseDuration(per)
	if !found || err != nil || err2 != nil || n <= 0 || d <= 0 {
		return fmt.Errorf("expected a rate like 30/1m but got %q", text)
	}
	*r = Rate{n, d}
	return nil
}

// String is the rate as it is written.
func (r Rate) String() string { return strconv.Itoa(r.Count) + "/" + duration(r.Per) }

// Network is an address or a CIDR; an address is the network of itself.
type Network struct{ netip.Prefix }

// UnmarshalText reads an address or a CIDR.
func (n *Network) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil && a.Zone() == "" {
		n.Prefix = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("expected an address or a CIDR but got %q", text)
	}
	n.Prefix = p.Masked()
	return nil
}
