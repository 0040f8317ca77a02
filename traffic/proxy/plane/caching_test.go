package plane

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

const cacheText = "cache pages\n total-max-size 4\n max-object-size 100000\n max-age 60\n process-vary on\n max-secondary-entries 3\n" +
	"listen web\n bind %%PORT1\n http-request cache-use pages\n http-response cache-store pages\n http-response set-header X-Hit 0\n server s %s\n"

// countingServer answers with how often it was asked for a path, and with the fields that the query says.
func countingServer(t *testing.T) string {
	t.Helper()
	var counts [64]atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := 0
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &at)
		n := counts[at].Add(1)
		size, status := 10, 200
		for name, values := range r.URL.Query() {
			w.Header()[name] = values
		}
		_, _ = fmt.Sscan(r.URL.Query().Get("Size"), &size)
		_, _ = fmt.Sscan(r.URL.Query().Get("Status"), &status)
		if r.URL.Query().Get("Chunked") == "" {
			w.Header().Set("Content-Length", fmt.Sprint(size+4))
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, "%04d", n)
		fmt.Fprint(w, strings.Repeat("x", size))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestCachesWhatHAProxyCaches asks for each target several times: which answers come from the cache shows in the server's count.
func TestCachesWhatHAProxyCaches(t *testing.T) {
	t.Parallel()
	// Each of the two asks a server of its own, as its counts tell.
	b := startBoth(t, fmt.Sprintf(cacheText, countingServer(t)))
	b.ours = start(t, fmt.Sprintf(cacheText, countingServer(t)))
	for i, query := range []string{
		"?Cache-Control=max-age=30",
		"?Etag=%22x%22",
		"?Last-Modified=Mon,+02+Jan+2006+15:04:05+GMT",
		"?X=1",
		"?Cache-Control=no-store", "?Cache-Control=no-cache&Etag=%22x%22", "?Cache-Control=private,max-age=10",
		"?Cache-Control=max-age=0", "?Cache-Control=max-age=0,s-maxage=10", "?Cache-Control=max-age=10&Age=20",
		"?Cache-Control=max-age=10&Vary=Cookie",
		"?Cache-Control=max-age=10&Status=404", "?Cache-Control=max-age=10&Status=203", "?Cache-Control=max-age=10&Size=99000",
		"?Cache-Control=max-age=10&Size=200000", "?Cache-Control=max-age=10&Chunked=1&Size=50000", "?Cache-Control=max-age=10&Chunked=1&Size=150000",
		"?Expires=Thu,+01+Dec+2044+16:00:00+GMT", "?Expires=Thu,+01+Dec+1994+16:00:00+GMT&Etag=%22x%22", "?Expires=0",
		"?Cache-Control=max-age=10&Pragma=no-cache",
	} {
		target := fmt.Sprintf("/%d%s HTTP/1.1", i, query)
		for _, request := range []string{
			"GET " + target, "GET " + target, "HEAD " + target,
			"GET " + target + "\nCache-Control: no-cache", "GET " + target + "\nAuthorization: Basic dTpw", "GET " + target + "\nPragma: no-cache",
			"GET " + target, "GET " + target + "\nAccept-Encoding: gzip", "GET " + target + "\nAccept-Encoding: gzip",
			"GET " + target + "\nReferer: a", "GET " + target + "\nReferer: a", "GET " + target,
			"GET " + target + "\nIf-None-Match: \"x\"", "GET " + target + "\nIf-None-Match: W/\"x\", \"y\"", "GET " + target + "\nIf-None-Match: \"y\"",
			"GET " + target + "\nIf-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT", "GET " + target + "\nIf-Modified-Since: Mon, 02 Jan 2006 15:04:04 GMT",
			"POST " + target + "\nContent-Length: 0", "GET " + target,
		} {
			b.sameAnswer(t, request, "Cache-Control", "Vary", "ETag", "X-Hit")
		}
	}
}

func TestCompressesWhatIsCached(t *testing.T) {
	t.Parallel()
	s := start(t, strings.Replace(fmt.Sprintf(cacheText, countingServer(t)), " server", " compression algo gzip\n server", 1))
	for i := range 3 {
		status, header, body := get(t, s.url(1)+"/1?Cache-Control=max-age=30&Size=5000", func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
		if plain := unpacked(t, header.Get("Content-Encoding"), []byte(body)); status != 200 || len(plain) != 5004 || plain[:4] != "0001" || len(body) > 1000 {
			t.Errorf("%d: %d %v: %d bytes, of text %d: %.10q", i, status, header, len(body), len(plain), plain)
		}
		if header.Get("Age") == "" != (i == 0) {
			t.Errorf("%d: age %q", i, header.Get("Age"))
		}
	}
}

// TestVariantsAreKeptApart asks for answers that depend on the request's fields.
func TestVariantsAreKeptApart(t *testing.T) {
	t.Parallel()
	s := start(t, fmt.Sprintf(cacheText, countingServer(t)))
	for _, step := range []struct{ target, field, value, want string }{
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "a", "0001"},
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "a", "0001"},
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "b", "0002"},
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "b", "0002"},
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "a", "0001"},
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "c", "0003"},
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "d", "0004"}, // one variant more than there may be
		{"/1?Cache-Control=max-age=60&Vary=Referer", "Referer", "d", "0005"},
		{"/2?Cache-Control=max-age=60&Vary=Accept-Encoding&Content-Encoding=br", "Accept-Encoding", "br", "0001"},
		{"/2?Cache-Control=max-age=60&Vary=Accept-Encoding&Content-Encoding=br", "Accept-Encoding", "gzip, br;q=0.5", "0001"},
		{"/2?Cache-Control=max-age=60&Vary=Accept-Encoding&Content-Encoding=br", "Accept-Encoding", "gzip, br;q=0", "0002"},
		{"/3?Cache-Control=max-age=60&Vary=Accept-Encoding", "Accept-Encoding", "br", "0001"},
		{"/3?Cache-Control=max-age=60&Vary=Accept-Encoding", "Accept-Encoding", "gzip", "0001"},
	} {
		_, _, body := get(t, s.url(1)+step.target, func(r *http.Request) { r.Header.Set(step.field, step.value) })
		if body[:4] != step.want {
			t.Errorf("%s with %s %s is %s, want %s", step.target, step.field, step.value, body[:4], step.want)
		}
	}
}
