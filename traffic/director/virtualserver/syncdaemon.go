package virtualserver

import (
	"net/netip"
	"slices"
	"strconv"

	"holdfast/traffic/director/plane"
)

// SyncDaemon reads lvs_sync_daemon INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS], without a role: that follows the VRRP
// instance, if one is named.
func SyncDaemon(d directive) (s plane.Sync, instance string, err error) {
	words := d.Values()
	if len(words) == 0 {
		return s, "", d.Errorf("want an interface")
	}
	known := []string{"inst", "id", "maxlen", "port", "ttl", "group"}
	s.Interface, words = words[0], words[1:]
	if len(words) > 0 && !slices.Contains(known, words[0]) {
		instance, words = words[0], words[1:]
	}
	for ; len(words) > 0; words = words[2:] {
		if len(words) < 2 || !slices.Contains(known, words[0]) {
			return s, "", d.Errorf("%q: want inst, id, maxlen, port, ttl or group, each with a value", words[0])
		}
		number := func(most int) (n int) {
			if n, err = strconv.Atoi(words[1]); err == nil && (n < 0 || n > most) {
				err = strconv.ErrRange
			}
			return n
		}
		switch words[0] {
		case "inst":
			instance = words[1]
		case "group":
			s.Group, err = netip.ParseAddr(words[1])
		case "id":
			s.ID = uint8(number(255))
		case "maxlen":
			s.Longest = number(65507)
		case "port":
			s.Port = uint16(number(65535))
		case "ttl":
			s.TTL = uint8(number(255))
		}
		if err != nil {
			return s, "", d.Errorf("%s %q is out of range, or none", words[0], words[1])
		}
	}
	return s, instance, nil
}
