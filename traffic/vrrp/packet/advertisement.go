// Package packet reads and writes VRRP advertisements: version 2 (RFC 3768, IPv4) and
// version 3 (RFC 9568, IPv4 and IPv6).
//
// A packet here is the IP payload: what follows the IP header. The receiver has to check what
// only the IP header says (time to live 255, protocol 112) and hands in the addresses that
// version 3's checksum covers. Unmarshal trusts nothing: any bytes give a value or an error.
package packet

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"holdfast/traffic/netio/checksum"
)

// Protocol is VRRP's IP protocol number, and TTL what every advertisement must arrive with: a
// router never forwards one, so a smaller value comes from another network (RFC 9568, 5.1.1.3).
const (
	Protocol = 112
	TTL      = 255
)

// Where advertisements go that have no list of peers.
var (
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	GroupIPv6 = netip.MustParseAddr("ff02::12")
)

const (
	typeAdvertisement = 1
	headerBytes       = 8
	passwordBytes     = 8     // version 2's authentication data
	maxCentiseconds   = 0xfff // version 3's interval has 12 bits
)

// Authentication types of version 2 (RFC 2338, 5.3.6; RFC 3768 keeps only the first).
const (
	authNone     = 0
	authPassword = 1
	authHeader   = 2
)

// Errors that a receiver counts, each for itself. Those of Unmarshal wrap one of them.
var (
	ErrMalformed = errors.New("malformed VRRP packet")
	ErrVersion   = errors.New("wrong VRRP version")
	ErrChecksum  = errors.New("wrong VRRP checksum")
	ErrPassword  = errors.New("wrong VRRP password")
)

// Advertisement is what the active router of a virtual router says.
type Advertisement struct {
	Version   int           // 2 or 3
	Router    uint8         // virtual router id, 1 to 255
	Priority  uint8         // 255: owns the addresses; 0: gives the virtual router up
	Interval  time.Duration // between advertisements: whole seconds in version 2, centiseconds up to 40.95 s in version 3
	Addresses []netip.Addr  // all of one family, in the order sent
	// Password is the simple text password of version 2; nil: none. Anybody on the network can read it.
	Password []byte
	// Header: an Authentication Header stands before it (version 2).
	Header bool
}

// Path is where an advertisement travels; version 3's checksum covers it.
type Path struct{ Source, Destination netip.Addr }

// Marshal returns the packet for the path. The fields must be in the ranges that Advertisement states.
func (a Advertisement) Marshal(path Path) ([]byte, error) {
	interval, err := a.intervalField()
	if err != nil {
		return nil, err
	}
	if len(a.Addresses) > 255 {
		return nil, fmt.Errorf("write VRRP advertisement of router %d: %d addresses; one packet holds 255", a.Router, len(a.Addresses))
	}
	b := []byte{byte(a.Version<<4 | typeAdvertisement), a.Router, a.Priority, byte(len(a.Addresses))}
	b = binary.BigEndian.AppendUint16(b, interval)
	b = append(b, 0, 0)
	for _, address := range a.Addresses {
		if address.Is4() != path.Source.Is4() {
			return nil, fmt.Errorf("write VRRP advertisement of router %d: address %s is not of the family of %s", a.Router, address, path.Source)
		}
		b = append(b, address.AsSlice()...)
	}
	if a.Version == 2 {
		var password [passwordBytes]byte
		copy(password[:], a.Password)
		b = append(b, password[:]...)
		binary.BigEndian.PutUint16(b[6:], checksum.Internet(b, 0))
		return b, nil
	}
	binary.BigEndian.PutUint16(b[6:], checksum.Internet(b, pseudoHeader(path, len(b))))
	return b, nil
}

// intervalField returns bytes 4 and 5: version 2 has the authentication type and seconds
// there, version 3 four reserved bits and centiseconds.
func (a Advertisement) intervalField() (uint16, error) {
	switch a.Version {
	case 2:
		seconds := a.Interval / time.Second
		if seconds < 1 || seconds > 255 || a.Interval%time.Second != 0 {
			return 0, fmt.Errorf("write VRRP advertisement of router %d: interval %s; version 2 knows whole seconds from 1 to 255", a.Router, a.Interval)
		}
		auth := uint16(authNone)
		switch {
		case a.Header:
			auth = authHeader
		case a.Password != nil:
			auth = authPassword
		}
		return auth<<8 | uint16(seconds), nil
	case 3:
		centiseconds := a.Interval / (10 * time.Millisecond)
		if centiseconds < 1 || centiseconds > maxCentiseconds {
			return 0, fmt.Errorf("write VRRP advertisement of router %d: interval %s; version 3 knows 10 ms to 40.95 s", a.Router, a.Interval)
		}
		return uint16(centiseconds), nil
	}
	return 0, fmt.Errorf("write VRRP advertisement of router %d: version %d; there are 2 and 3", a.Router, a.Version)
}

// Unmarshal reads a packet that came over the path. Which version and password it must have
// is the receiver's to compare (Check).
func Unmarshal(b []byte, path Path) (Advertisement, error) {
	if len(b) < headerBytes {
		return Advertisement{}, fmt.Errorf("%w: %d bytes, shorter than a header", ErrMalformed, len(b))
	}
	a := Advertisement{Version: int(b[0] >> 4), Router: b[1], Priority: b[2]}
	if a.Version != 2 && a.Version != 3 {
		return Advertisement{}, fmt.Errorf("%w: %d; there are 2 and 3", ErrVersion, a.Version)
	}
	if kind := b[0] & 0xf; kind != typeAdvertisement {
		return Advertisement{}, fmt.Errorf("%w: type %d; only advertisements, type 1, exist", ErrMalformed, kind)
	}
	if a.Router == 0 {
		return Advertisement{}, fmt.Errorf("%w: virtual router 0", ErrMalformed)
	}
	if a.Version == 2 {
		return a.version2(b, path)
	}
	return a.version3(b, path)
}

func (a Advertisement) version2(b []byte, path Path) (Advertisement, error) {
	if !path.Source.Is4() {
		return Advertisement{}, fmt.Errorf("%w: version 2 over IPv6", ErrVersion)
	}
	end := headerBytes + 4*int(b[3])
	if len(b) != end+passwordBytes {
		return Advertisement{}, fmt.Errorf("%w: %d bytes; %d addresses make %d", ErrMalformed, len(b), b[3], end+passwordBytes)
	}
	if checksum.Internet(b, 0) != 0 {
		return Advertisement{}, fmt.Errorf("%w in an advertisement of router %d", ErrChecksum, a.Router)
	}
	switch b[4] {
	case authNone:
	case authPassword:
		a.Password = append([]byte{}, b[end:]...)
	case authHeader:
		a.Header = true
	default:
		return Advertisement{}, fmt.Errorf("%w: authentication type %d; 0 (none), 1 (password) and 2 (a header before it) are known", ErrMalformed, b[4])
	}
	if b[5] == 0 {
		return Advertisement{}, fmt.Errorf("%w: interval 0", ErrMalformed)
	}
	a.Interval = time.Duration(b[5]) * time.Second
	a.Addresses = addresses(b[headerBytes:end], 4)
	return a, nil
}

func (a Advertisement) version3(b []byte, path Path) (Advertisement, error) {
	size := 16
	if path.Source.Is4() {
		size = 4
	}
	if want := headerBytes + size*int(b[3]); len(b) != want {
		return Advertisement{}, fmt.Errorf("%w: %d bytes; %d addresses make %d", ErrMalformed, len(b), b[3], want)
	}
	if checksum.Internet(b, pseudoHeader(path, len(b))) != 0 {
		return Advertisement{}, fmt.Errorf("%w in an advertisement of router %d", ErrChecksum, a.Router)
	}
	centiseconds := binary.BigEndian.Uint16(b[4:]) & maxCentiseconds
	if centiseconds == 0 {
		return Advertisement{}, fmt.Errorf("%w: interval 0", ErrMalformed)
	}
	a.Interval = time.Duration(centiseconds) * 10 * time.Millisecond
	a.Addresses = addresses(b[headerBytes:], size)
	return a, nil
}

func addresses(b []byte, size int) []netip.Addr {
	var all []netip.Addr
	for ; len(b) > 0; b = b[size:] {
		address, _ := netip.AddrFromSlice(b[:size])
		all = append(all, address)
	}
	return all
}

// Check tells whether a received advertisement has the version and the password that this
// host's configuration has for its router.
func (a Advertisement) Check(version int, password []byte) error {
	if a.Version != version {
		return fmt.Errorf("%w: the peer sends %d, this host is configured for %d", ErrVersion, a.Version, version)
	}
	if version != 2 {
		return nil
	}
	if (password == nil) != (a.Password == nil) {
		return fmt.Errorf("%w: only one of both hosts has a password", ErrPassword)
	}
	var want, got [passwordBytes]byte
	copy(want[:], password)
	copy(got[:], a.Password)
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return ErrPassword
	}
	return nil
}
