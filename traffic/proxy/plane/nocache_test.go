package plane

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// TestNoCacheIsHAProxys: an answer that is given a cookie and that caches could keep is made private, no other.
func TestNoCacheIsHAProxys(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{"X-Cc": "Cache-Control", "X-Pragma": "Pragma", "X-Expires": "Expires", "X-Vary": "Vary", "X-Set": "Set-Cookie", "X-Tag": "Etag", "X-Mod": "Last-Modified"} {
			if has := r.Header.Get(name); has != "" {
				w.Header().Set(value, has)
			}
		}
		status, _ := strconv.Atoi(r.Header.Get("X-Status"))
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	var text strings.Builder
	text.WriteString("frontend web\n bind %PORT1\n use_backend b%[req.hdr(x-kind)]\n")
	kinds := []string{"insert nocache", "insert nocache indirect", "insert nocache preserve", "insert nocache postonly", "rewrite nocache", "prefix nocache", "insert nocache maxidle 1h"}
	for i, kind := range kinds {
		fmt.Fprintf(&text, "backend b%d\n cookie K %s\n server one %s cookie A\n", i, kind, address)
	}
	b := startBoth(t, text.String())
	fields := []string{"Set-Cookie", "Cache-Control", "Pragma"}
	for i := range kinds {
		same := func(method string, status int, more string) {
			request := fmt.Sprintf("%s / HTTP/1.1\nX-Kind: %d\nX-Status: %d%s", method, i, status, more)
			if i == 6 { // its cookies are dated
				b.sameAnswer(t, request, fields[1:]...)
				return
			}
			b.sameAnswer(t, request, fields...)
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO"} {
			for _, status := range []int{200, 404, 302} {
				same(method, status, "\nX-Tag: a")
			}
		}
		for _, status := range []int{201, 202, 203, 204, 205, 206, 207, 226, 300, 301, 303, 304, 307, 308, 400, 401, 403, 405, 406, 410, 414, 418, 421, 451, 500, 501, 502, 503, 504, 505} {
			same("GET", status, "\nX-Tag: a")
		}
		for _, more := range []string{
			"X-Cc: private", "X-Mod: x", "X-Tag: a", "X-Expires: Sun, 22 Nov 2020 14:27:31 GMT", "X-Cc: public", "X-Cc: no-cache", "X-Cc: no-store", "X-Cc: max-age=0", "X-Cc: max-age=9", "X-Cc: s-maxage=0", "X-Cc: s-maxage=9", "X-Cc: must-revalidate", `X-Cc: no-cache="set-cookie"`, `X-Cc: no-cache="x"`,
			`X-Cc: private="x"`, "X-Cc: public, no-cache", "X-Cc: PRIVATE", "X-Cc: x, private", "X-Cc: no-store, public", "X-Cc: max-age=0, public", "X-Cc: public, max-age=0", "X-Cc: max-age=00", "X-Cc: no-transform", "X-Pragma: no-cache",
			"X-Pragma: No-Cache", "X-Pragma: x, no-cache", "X-Pragma: x", "X-Expires: 0", "X-Vary: *", "X-Vary: cookie", "X-Set: a=b", "X-Set: K=x", "Cookie: K=A", "Cookie: K=B", "Authorization: x", "Authorization: x\nX-Cc: public",
			"Cache-Control: no-cache", "Cache-Control: no-store", "Pragma: no-cache", "Cache-Control: max-age=0", "X-Pragma: no-cache\nX-Cc: public", "If-None-Match: x", "Range: bytes=0-1", "Cache-Control: private",
		} {
			same("GET", 200, "\n"+more)
			same("GET", 200, "\nX-Tag: a\n"+more)
		}
	}
}
