package stats

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// showCache lists what the caches have stored, the answer asked for last first.
func (s *Server) showCache(w io.Writer, _ []string) error {
	caches := s.Plane.Snapshot().Caches
	now := s.Now()
	for _, name := range slices.Sorted(maps.Keys(caches)) {
		c := caches[name]
		entries, used := c.Entries()
		fmt.Fprintf(w, "# cache: %s, size:%d, used:%d, entries:%d\n", name, c.Size, used, len(entries))
		for _, e := range entries {
			fmt.Fprintf(w, "key:%s vary:%d size:%d age:%d expire:%d\n", e.Key, e.On, len(e.Fields)+len(e.Body), e.AgeAt(now)/time.Second, e.Expires.Sub(now)/time.Second)
		}
	}
	return nil
}
