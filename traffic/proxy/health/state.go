package health

import (
	"fmt"
	"os"
	"strconv"

	"holdfast/traffic/proxy/pool"
)

// state is what http-check send-state tells a server of itself: X-Haproxy-Server-State.
func state(s *pool.Server, node string) string {
	b := s.Backend
	word, level := "UP", ""
	h := s.Health(b.Now())
	switch {
	case !s.Up():
		if word = "DOWN"; h.Level > 0 {
			level = fmt.Sprintf(" %d/%d", h.Level, s.Rise)
		}
	case !s.Usable() && s.Alive():
		word = "NOLB"
	case h.Level < s.Best():
		level = fmt.Sprintf(" %d/%d", h.Level-s.Rise+1, s.Fall)
	}
	address, port := s.Address().Addr().String(), strconv.Itoa(int(s.Address().Port()))
	if s.Path != "" {
		address, port = "unix", "unix"
	}
	if node == "" {
		node, _ = os.Hostname()
	}
	weight, sessions := 0, int64(0)
	for _, other := range b.Servers() {
		if other.Usable() {
			weight += other.Weight()
		}
		sessions += other.Sessions.Load()
	}
	own := 0
	if s.Usable() {
		own = s.Weight()
	}
	return fmt.Sprintf("%s%s; address=%s; port=%s; name=%s/%s; node=%s; weight=%d/%d; scur=%d/%d; qcur=%d", word, level, address, port, b.Name, s.Server.Name, node,
		own, weight, s.Sessions.Load(), sessions, s.Queued.Load())
}
