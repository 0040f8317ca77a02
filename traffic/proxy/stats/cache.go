package stats

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// cacheBlock is the size of the blocks that HAProxy counts its caches in.
const cacheBlock = 1024

// showCache lists what the caches have stored, the answer asked for last first.
func (s *Server) showCache(w io.Writer, _ []string) error {
	caches := s.Plane.Snapshot().Caches
	now := s.Now()
	for i, name := range slices.Sorted(maps.Keys(caches)) {
		c := caches[name]
		entries, used := c.Entries()
		fmt.Fprintf(w, "%#x: %s (size:%d, used:%d, available blocks:%d)\n", i+1, name, c.Size, used, (int64(c.Size)-int64(used))/cacheBlock)
		for n, e := range entries {
			size := len(e.Fields) + len(e.Body)
			fmt.Fprintf(w, "%#x key:%s vary:%d size:%d (%d blocks) age:%d expire:%d\n", n+1, e.Key, e.On, size, (size+cacheBlock-1)/cacheBlock, e.AgeAt(now)/time.Second,
				e.Expires.Sub(now)/time.Second)
		}
	}
	return nil
}
