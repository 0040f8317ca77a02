package plane

import (
	"testing"
	"time"
)

// TestRatesOfRequestsAndOfClientsDiffer asks over one connection.
func TestRatesOfRequestsAndOfClientsDiffer(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n http-request return status 200 content-type text/plain lf-string \"%[fe_req_rate] %[fe_sess_rate]\"\n")
	begun := time.Now()
	c := newClient(t, s.address(1))
	c.ask("/")
	c.ask("/")
	if _, rates := c.ask("/"); rates != "3 1" && time.Since(begun) < 900*time.Millisecond {
		t.Errorf("the rates of requests and clients are %s, want 3 1", rates)
	}
}

// TestServersNumbersSkipThoseThatAreTaken asks for the number of a server in front of which another has the next one.
func TestServersNumbersSkipThoseThatAreTaken(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n bind %PORT1\n http-response set-header number %[srv_id]\n http-response return status 200 content-type text/plain lf-string %[srv_id]\n"+
		" server one 127.0.0.1:1 disabled\n server two 127.0.0.1:1 id 3 disabled\n server three "+backend(t, "three")+"\n")
	if _, number := newClient(t, s.address(1)).ask("/"); number != "4" {
		t.Errorf("the third server's number is %s, want 4", number)
	}
}
