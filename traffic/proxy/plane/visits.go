package plane

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
)

// persistenceIs tells whether a line of the backend has persistence forced, or ignored.
func (s *session) persistenceIs(forced bool) bool {
	for i := range s.backend.Persistence {
		if p := &s.backend.Persistence[i]; p.Force == forced && p.If.Holds(s.ctx()) {
			return true
		}
	}
	return false
}

// accepted is a server that the client is bound to, if the client may go there: it is alive, or the configuration has clients stay where it is not.
func (s *session) accepted(t *pool.Server) *pool.Server {
	switch {
	case t == nil:
	case t.Alive():
		return t
	case t.Admin() == pool.Maintenance && !s.persistenceIs(true):
	case s.backend.Options.Persist || s.persistenceIs(true):
		return t
	}
	return nil
}

// cookieDates are when the client came last and first, of a cookie with maxidle or maxlife: in units of four seconds, zero where the cookie does not
// say. Behind the server's name stand | and five digits to the base of 64 for each.
type cookieDates struct{ last, first int64 }

const dateDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func parseDates(b []byte) (d cookieDates) {
	last, first, _ := bytes.Cut(b, []byte("|"))
	return cookieDates{parseDate(last), parseDate(first)}
}

func parseDate(b []byte) (n int64) {
	if len(b) < 5 {
		return 0
	}
	for _, c := range b[:5] {
		digit := strings.IndexByte(dateDigits, c)
		if digit < 0 {
			return 0
		}
		n = n<<6 | int64(digit)
	}
	return n
}

func appendDate(b []byte, n int64) []byte {
	for shift := 24; shift >= 0; shift -= 6 {
		b = append(b, dateDigits[n>>shift&63])
	}
	return b
}

func dateOf(t time.Time) int64 { return (t.Unix() + 3) >> 2 & (1<<30 - 1) }

// over tells whether the cookie counts no more. One without a date counts, and is given one; a date in the future does not count either, but for a day: clocks differ.
func (d cookieDates) over(c *config.Cookie, now time.Time) bool {
	past := func(date int64, limit time.Duration) bool {
		if limit == 0 || date == 0 {
			return false
		}
		age := time.Duration(dateOf(now)-date) * 4 * time.Second
		return age > limit || age < -24*time.Hour
	}
	return past(d.last, c.MaxIdle) || past(d.first, c.MaxLife)
}

// stale tells whether the client has to be given other dates, or none.
func (d cookieDates) stale(c *config.Cookie, now time.Time) bool {
	if d.last == 0 && c.MaxIdle > 0 || d.last != 0 && d.last < dateOf(now) {
		return true
	}
	return (d.first != 0) != (c.MaxLife > 0)
}

// suffix is what stands behind the server's name.
func (d cookieDates) suffix(c *config.Cookie, known bool, now time.Time) string {
	first := d.first
	if !known || first == 0 {
		first = dateOf(now)
	}
	b := appendDate([]byte{'|'}, dateOf(now))
	if c.MaxLife > 0 {
		b = appendDate(append(b, '|'), first)
	}
	return string(b)
}

// byRDPCookie finds the server whose address the client's cookie has: ADDRESS.PORT.0000, both in numbers whose bytes stand in a PC's order.
func (s *session) byRDPCookie() *pool.Server {
	_, value, _ := sample.RDPCookie(s.x.context.Preread, s.backend.RDPCookie)
	parts := strings.Split(string(value), ".")
	if len(parts) != 3 {
		return nil
	}
	address, err := strconv.ParseUint(parts[0], 10, 32)
	port, problem := strconv.ParseUint(parts[1], 10, 16)
	if err != nil || problem != nil {
		return nil
	}
	var four [4]byte
	binary.LittleEndian.PutUint32(four[:], uint32(address))
	at := netip.AddrPortFrom(netip.AddrFrom4(four), uint16(port>>8|port<<8))
	for _, t := range s.backend.Servers() {
		if t.Address() == at {
			return s.accepted(t)
		}
	}
	return nil
}
