package plane

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDatedCookiesAreHAProxys: which server a client with a cookie gets, and whether it is given another one.
func TestDatedCookiesAreHAProxys(t *testing.T) {
	t.Parallel()
	kinds := []string{"maxidle 1h maxlife 2h indirect nocache", "maxidle 1h", "maxlife 2h", "", "preserve maxidle 1h"}
	var text strings.Builder
	text.WriteString("frontend web\n bind %PORT1\n use_backend b%[req.hdr(x-kind)]\n")
	one, two := backend(t, "one"), backend(t, "two")
	for i, kind := range kinds {
		fmt.Fprintf(&text, "backend b%d\n balance first\n cookie K insert %s\n server one %s cookie A\n server two %s cookie B\n", i, kind, one, two)
	}
	b := startBoth(t, text.String())
	ago := func(d time.Duration) string { return string(appendDate([]byte{'|'}, time.Now().Add(-d).Unix()>>2)) }
	dates := regexp.MustCompile(`\|[A-Za-z0-9+/]{5}`)
	for i, kind := range kinds {
		for _, value := range []string{
			"", "|", ago(time.Minute), ago(2 * time.Hour), ago(26 * time.Hour), ago(-time.Hour), ago(-26 * time.Hour), ago(time.Minute) + ago(time.Hour),
			ago(time.Minute) + ago(3*time.Hour), ago(time.Minute) + "|", "|!!!!!", "|AAAA", "|" + ago(time.Minute), "|" + ago(3*time.Hour), ago(time.Minute) + "x",
			ago(time.Minute) + ago(-26*time.Hour),
		} {
			request := fmt.Sprintf("GET / HTTP/1.1\nX-Kind: %d\nCookie: K=B%s", i, value)
			theirs, want := ask(t, b.theirs, request)
			ours, got := ask(t, b.ours.address(1), request)
			want += dates.ReplaceAllString(theirs.Header.Get("Set-Cookie"), "|date")
			if got += dates.ReplaceAllString(ours.Header.Get("Set-Cookie"), "|date"); got != want {
				t.Errorf("insert %s, with B%s: %q, HAProxy's %q", kind, value, got, want)
			}
		}
	}
}
