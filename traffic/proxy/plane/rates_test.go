package plane

import (
	"testing"
	"time"
)

// TestRatesOfRequestsAndOfClientsDiffer asks over one connection.
func TestRatesOfRequestsAndOfClientsDiffer(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n http-request return status 200 content-type text/plain lf-string \"%[fe_req_rate] %[fe_sess_rate] %[srv_id(b/two)]\"\n"+
		"backend b\n server one 127.0.0.1:1\n server three 127.0.0.1:3 id 2\n server two 127.0.0.1:2\n")
	begun := time.Now()
	c := newClient(t, s.address(1))
	c.ask("/")
	c.ask("/")
	if _, rates := c.ask("/"); rates != "3 1 3" && time.Since(begun) < 900*time.Millisecond {
		t.Errorf("the rates of requests and clients and a server's number are %s, want 3 1 3", rates)
	}
}
