package plane

import "testing"

// TestRedirectsAppendSlashesAsHAProxy: the slash ends the location, behind a query that is not dropped, and a redirect to a location has none.
func TestRedirectsAppendSlashesAsHAProxy(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "frontend web\n bind %PORT1\n http-request redirect prefix /p append-slash if { path_beg /keep }\n http-request redirect prefix /p drop-query append-slash if { path_beg /drop }\n"+
		" http-request redirect prefix / append-slash if { path_beg /bare }\n http-request redirect scheme https append-slash if { path_beg /scheme }\n http-request redirect scheme https drop-query append-slash if { path_beg /only }\n"+
		" http-request redirect location /l append-slash if { path_beg /location }\n http-request redirect location /l?%[query] append-slash if { path_beg /asked }\n")
	for _, path := range []string{"/keep", "/drop", "/bare", "/scheme", "/only", "/location", "/asked"} {
		for _, rest := range []string{"", "/", "?", "?a=b", "/?a=b", "?a=b/", "?a?b", "/x/?", "?/"} {
			b.sameAnswer(t, "GET "+path+rest+" HTTP/1.1", "Location")
		}
	}
}
