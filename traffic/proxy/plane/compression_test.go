package plane

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// textServer answers with a text whose head the query says: header fields, status, chunked.
func textServer(t *testing.T) string {
	t.Helper()
	var served int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		w.Header()["Content-Type"] = []string{"text/html; charset=utf-8"}
		for name, values := range q {
			if name != "status" && name != "chunked" && name != "size" {
				w.Header()[name] = values
			}
		}
		if v := q.Get("Content-Type"); v == "none" {
			w.Header()["Content-Type"] = nil
		}
		size, status := 3000, 200
		_, _ = fmt.Sscan(q.Get("size"), &size)
		_, _ = fmt.Sscan(q.Get("status"), &status)
		served++
		w.Header().Set("X-Accept", r.Header.Get("Accept-Encoding"))
		text := strings.Repeat("a text that is long enough, ", size/28+1)[:size]
		if q.Get("chunked") == "" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		w.WriteHeader(status)
		if status == 204 || status == 304 {
			return
		}
		for len(text) > 0 {
			n := min(len(text), 5000)
			fmt.Fprint(w, text[:n])
			if text = text[n:]; q.Get("chunked") != "" {
				w.(http.Flusher).Flush()
			}
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestCompressesWhatHAProxyCompresses(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "listen web\n bind %PORT1\n compression algo gzip deflate\n compression type text/ application/json\n server s "+textServer(t)+"\n")
	for _, request := range []string{
		"GET / HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?size=1 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?size=0 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?size=300000 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?size=300000&chunked=1 HTTP/1.1\nAccept-Encoding: gzip",
		"GET / HTTP/1.1\nAccept-Encoding: deflate",
		"GET / HTTP/1.1\nAccept-Encoding: gzip;q=0.5, deflate",
		"GET / HTTP/1.1\nAccept-Encoding: gzip;q=0, deflate;q=0",
		"GET / HTTP/1.1\nAccept-Encoding: br, *;q=0.1",
		"GET / HTTP/1.1\nAccept-Encoding: br",
		"GET / HTTP/1.1\nAccept-Encoding: identity",
		"GET / HTTP/1.1",
		"GET / HTTP/1.0\nAccept-Encoding: gzip",
		"HEAD / HTTP/1.1\nAccept-Encoding: gzip",
		"POST / HTTP/1.1\nAccept-Encoding: gzip\nContent-Length: 0",
		"GET /?status=201 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?status=203 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?status=204 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?status=206 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?status=404 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?status=500 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Content-Type=image/png HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Content-Type=application/json HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Content-Type=TEXT/plain HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Content-Type=none HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Content-Type=multipart/mixed HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Content-Encoding=identity HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Cache-Control=public,+no-transform HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Etag=%22x%22 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Etag=W/%22x%22 HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Etag=x HTTP/1.1\nAccept-Encoding: gzip",
		"GET /?Vary=Cookie HTTP/1.1\nAccept-Encoding: gzip",
		"GET / HTTP/1.1\nAccept-Encoding: gzip\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
		"GET / HTTP/1.1\nAccept-Encoding: gzip\nUser-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
		"GET / HTTP/1.1\nAccept-Encoding: gzip\nUser-Agent: Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1)",
		"GET / HTTP/1.1\nAccept-Encoding: gzip\nUser-Agent: Mozilla/5.0",
	} {
		b.sameAnswer(t, request, "Content-Encoding", "Vary", "ETag", "Content-Type", "X-Accept", "Transfer-Encoding")
	}
}

func TestOffloadedCompressionIsNotAskedOfServers(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "frontend web\n bind %PORT1\n default_backend s\nbackend s\n compression algo identity deflate\n compression offload\n server s "+textServer(t)+"\n")
	for _, request := range []string{
		"GET / HTTP/1.1\nAccept-Encoding: gzip",
		"GET / HTTP/1.1\nAccept-Encoding: deflate",
		"GET / HTTP/1.1",
		"GET /?Content-Type=multipart/mixed HTTP/1.1\nAccept-Encoding: gzip",
	} {
		b.sameAnswer(t, request, "Content-Encoding", "Vary", "X-Accept")
	}
}

func TestCompressedAnswersOverHTTP2(t *testing.T) {
	t.Parallel()
	s := start(t, "listen web\n bind %PORT1 proto h2\n compression algo gzip\n server s "+textServer(t)+"\n")
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url(1)+"/?size=200000", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	answer, err := clientOf(t, clear2).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if plain := unpacked(t, answer.Header.Get("Content-Encoding"), body); answer.ProtoMajor != 2 || len(plain) != 200000 || len(body) > 20000 {
		t.Errorf("%s %v, %d bytes, %d of text", answer.Proto, answer.Header, len(body), len(plain))
	}
}

// TestNoMoreIsCompressedThanAllowed has a rate that the first answer uses up.
func TestNoMoreIsCompressedThanAllowed(t *testing.T) {
	t.Parallel()
	s := start(t, "global\n maxcomprate 1\nlisten web\n bind %PORT1\n compression algo gzip\n server s "+textServer(t)+"\n")
	for range 3 {
		_, header, body := get(t, s.url(1)+"/?size=100000", func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
		if plain := unpacked(t, header.Get("Content-Encoding"), []byte(body)); len(plain) != 100000 {
			t.Errorf("%d bytes of text", len(plain))
		}
	}
}
