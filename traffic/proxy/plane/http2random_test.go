package plane

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestRandomConversations: peers that send frames in any order, whole and damaged, leave nothing behind: no session, no place on a server, and others are
// served.
func TestRandomConversations(t *testing.T) {
	t.Parallel()
	s := start(t, "frontend f\n timeout client 5s\n bind %PORT1\n use_backend two if { path_beg /c }\n default_backend one\n"+
		"backend one\n server a "+backend(t, "a")+" maxconn 50\nbackend two\n server b "+echo(t, clear2, false)+" proto h2 maxconn 50\n")
	var wait sync.WaitGroup
	for seed := range uint64(60) {
		p := dialPeer(t, s.address(1))
		wait.Go(func() { p.talk(rand.New(rand.NewPCG(seed, 1))) })
	}
	wait.Wait()
	for begun := time.Now(); ; {
		if status, _, _ := get(t, s.url(1)+"/"); status != 200 {
			t.Fatalf("another client is answered with %d", status)
		}
		sessions, places := s.Sessions.Load(), int64(0)
		for _, b := range s.Snapshot().Backends {
			places += b.Servers()[0].Sessions.Load() + b.Sessions.Load()
		}
		if sessions <= 1 && places == 0 {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("%d sessions and %d places on servers are left", sessions, places)
		}
	}
}

// talk sends random frames, while it reads and forgets what comes, and ends without a word.
func (p *peer) talk(r *rand.Rand) {
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, err := p.ReadFrame(); err != nil {
				if _, ok := err.(http2.StreamError); !ok {
					return
				}
			}
		}
	})
	fields := []string{plainFields, ":method:POST|:scheme:http|:path:/chunked|:authority:a", ":method:POST|:scheme:http|:path:/c|:authority:a",
		":method:HEAD|:scheme:http|:path:/c|:authority:a", plainFields + "|content-length:5", plainFields + "|connection:close", "x:y",
		":method:CONNECT|:protocol:websocket|:scheme:http|:path:/|:authority:a", ":method:CONNECT|:authority:a:1"}
	next := uint32(1)
	var err error
	for i := 0; i < 150 && err == nil; i++ {
		old := uint32(2*r.IntN(int(next/2)+1) + 1)
		switch r.IntN(12) {
		case 0, 1, 2, 3:
			p.request(next, fields[r.IntN(len(fields))], r.IntN(2) == 0)
			next += 2
		case 4, 5:
			err = p.WriteData(old, r.IntN(3) == 0, make([]byte, r.IntN(3000)))
		case 6:
			err = p.WriteRSTStream(old, http2.ErrCode(r.IntN(14)))
		case 7:
			err = p.WriteWindowUpdate(old*uint32(r.IntN(2)), uint32(1+r.IntN(1<<16)))
		case 8:
			err = p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(r.IntN(1 << 18))})
		case 9:
			err = p.WritePing(r.IntN(2) == 0, [8]byte{})
		case 10:
			p.request(old, "x-end:1", r.IntN(4) > 0) // a trailer, perhaps
		case 11:
			if r.IntN(10) == 0 {
				junk := make([]byte, r.IntN(40))
				for i := range junk {
					junk[i] = byte(r.Uint32())
				}
				_, err = p.conn.Write(junk)
			}
		}
	}
	_ = p.conn.Close()
	reading.Wait()
}
