package sample

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// RDPCookie finds a cookie in the first packet of a Remote Desktop client: TPKT, a connection request, then `Cookie: NAME=VALUE` (MS-RDPBCGR, 2.2.1.1).
// An empty name stands for any. more: the packet may have it, but is not there whole.
func RDPCookie(b []byte, name string) (found, value []byte, more bool) {
	const heads = 4 + 7
	for i, want := range []byte{3, 0} {
		if len(b) > i && b[i] != want {
			return nil, nil, false
		}
	}
	if len(b) < heads {
		return nil, nil, true
	}
	if b[5] != 0xe0 {
		return nil, nil, false
	}
	if int(binary.BigEndian.Uint16(b[2:])) > len(b) {
		return nil, nil, true
	}
	line, _, whole := bytes.Cut(b[heads:], []byte("\r\n"))
	line, cookie := bytes.CutPrefix(line, []byte("Cookie: "))
	found, value, named := bytes.Cut(line, []byte("="))
	if !whole || !cookie || !named || name != "" && !strings.EqualFold(string(found), name) {
		return nil, nil, false
	}
	return found, value, false
}

// fromCookie is a fetch of such a cookie, whose name may be given.
func fromCookie(kind Kind, f func(name, value []byte, out *Value)) fetch {
	return fetch{kind, needsBytes, 0, 1, func(args []string) (get, error) {
		name := strings.Join(args, "")
		return func(c *Context, i int, out *Value) bool {
			found, value, more := RDPCookie(c.Preread, name)
			c.undecided = more
			if i > 0 || found == nil {
				return false
			}
			f(found, value, out)
			return true
		}, nil
	}}
}
