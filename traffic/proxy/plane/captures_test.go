package plane

import "testing"

// TestSlotsMayBeDeclaredBehindTheRulesThatFillThem: as in HAProxy they count for the whole section, with their length.
func TestSlotsMayBeDeclaredBehindTheRulesThatFillThem(t *testing.T) {
	t.Parallel()
	b := startBoth(t, "frontend web\n bind %PORT1\n http-request capture path id 1\n http-request capture method id 0\n http-response capture res.hdr(content-type) id 0\n"+
		" http-response set-header X-Captured %[capture.req.hdr(0)]|%[capture.req.hdr(1)]|%[capture.res.hdr(0)]\n"+
		" declare capture request len 2\n declare capture request len 5\n declare capture response len 4\n default_backend s\nbackend s\n server s "+echoServer(t)+"\n")
	b.sameAnswer(t, "GET /abcdefgh HTTP/1.1", "X-Captured")
}
