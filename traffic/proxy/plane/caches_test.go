package plane

import "testing"

// TestCachesOfAnswersOfItsOwn: what a rule spells out, and redirects that are for good, may be cached, as HAProxy has it; the rest may not.
func TestCachesOfAnswersOfItsOwn(t *testing.T) {
	t.Parallel()
	both := startBoth(t, `
frontend f
 bind %PORT1
 redirect location /x code 301 if { path /301 }
 redirect location /x code 302 if { path /302 }
 redirect location /x code 303 if { path /303 }
 redirect location /x code 307 if { path /307 }
 redirect location /x code 308 if { path /308 }
 redirect location /late if { path /return }
 http-request return status 200 content-type text/plain string x if { path /return }
 http-request deny if { path /deny }
`)
	for _, path := range []string{"/301", "/302", "/303", "/307", "/308", "/return", "/deny"} {
		both.sameAnswer(t, "GET "+path, "Cache-Control", "Location")
	}
}
