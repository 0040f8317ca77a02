package plane

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// bulkServer sends so many bytes to who asks, and says how many came.
func bulkServer(t *testing.T, size int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Came", fmt.Sprint(n))
		_, _ = w.Write(bytes.Repeat([]byte("x"), size))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestBodiesKeepToTheirBandwidth: what is held back takes at least as long as its limit says. What is on its way at first, and a tenth of a period, is not held back.
func TestBodiesKeepToTheirBandwidth(t *testing.T) {
	t.Parallel()
	const size, limit = 900_000, 500_000 // a second
	least := time.Duration(size-scratchSize-limit/burst) * time.Second / limit
	quick, slow := bulkServer(t, 10), bulkServer(t, size)
	s := start(t, fmt.Sprintf(`
listen http
 bind %%PORT1
 filter bwlim-out down default-limit 100 default-period 1s
 filter bwlim-in up default-limit %d default-period 1s min-size 10k
 http-response set-bandwidth-limit down limit int(%d) period 1s if { path /down }
 http-request set-bandwidth-limit up if { path /up }
 use_backend slow if { path /down }
 server a %s
backend slow
 server a %s
listen tcp
 mode tcp
 bind %%PORT2
 filter bwlim-out down default-limit %d default-period 1s
 tcp-request content set-bandwidth-limit down
 server a %s
`, limit, limit, quick, slow, limit, slow))
	var all sync.WaitGroup
	for _, c := range []struct {
		port int
		path string
		body int
	}{{1, "/down", 0}, {1, "/up", size}, {2, "/", 0}} {
		all.Go(func() {
			begun := time.Now()
			status, h, body := get(t, s.url(c.port)+c.path, func(r *http.Request) {
				if c.body > 0 {
					r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(bytes.NewReader(make([]byte, c.body))), int64(c.body)
				}
			})
			if took := time.Since(begun); took < least {
				t.Errorf("port %d %s took %v, which is less than %v", c.port, c.path, took, least)
			}
			if status != 200 || c.body == 0 && len(body) != size || h.Get("X-Came") != fmt.Sprint(c.body) {
				t.Errorf("port %d %s: status %d, %d bytes, %s sent", c.port, c.path, status, len(body), h.Get("X-Came"))
			}
		})
	}
	all.Wait()
}

// TestKeysShareBandwidth: two clients from one address get together what the table's entry may.
func TestKeysShareBandwidth(t *testing.T) {
	t.Parallel()
	const size, limit, clients = 700_000, 500_000, 2
	s := start(t, fmt.Sprintf("listen l\n bind %%PORT1\n stick-table type ip size 10 store bytes_out_rate(1s)\n filter bwlim-out down limit %d key src min-size 2k\n"+
		" http-request set-bandwidth-limit down\n server a %s\n", limit, bulkServer(t, size)))
	begun := time.Now()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if status, _, body := get(t, s.url(1)); status != 200 || len(body) != size {
				t.Errorf("status %d, %d bytes", status, len(body))
			}
		})
	}
	all.Wait()
	// Each may have had what was at hand at first, and each the first period's share, as they are served by loops of their own.
	if took, least := time.Since(begun), time.Duration(clients*(size-scratchSize-limit))*time.Second/limit; took < least {
		t.Errorf("it took %v, which is less than %v", took, least)
	}
}
