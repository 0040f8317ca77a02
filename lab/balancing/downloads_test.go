package balancing

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet/fleettest"
)

// bigPage is so much that no buffer on the way holds it.
const bigPage = 50_000_000

// download is a page that a client has begun to take.
type download struct {
	site
	*bufio.Reader
}

// begins asks for the big page, and takes the first line of the answer.
func (s site) begins() download {
	s.Helper()
	conn, err := s.Lab.Client().Dial(s.Ctx, "tcp", virtual+":80")
	s.Must(err)
	s.Cleanup(func() { conn.Close() })
	s.Must(conn.SetDeadline(time.Now().Add(fleettest.Patience)))
	_, err = conn.Write([]byte("GET /big HTTP/1.0\r\n\r\n"))
	s.Must(err)
	d := download{site: s, Reader: bufio.NewReader(conn)}
	line, err := d.ReadString('\n')
	s.Must(err)
	if !strings.Contains(line, " 200 ") {
		s.Fatalf("the big page begins with %q", line)
	}
	return d
}

// ends takes the rest.
func (d download) ends() {
	d.Helper()
	n, err := io.Copy(io.Discard, d.Reader)
	if err != nil || n < bigPage {
		d.Fatalf("a download ends after %d bytes: %v", n, err)
	}
}

// outlives has downloads go on, slowly, while the host of the active director is killed, and at full speed once its peer serves; it returns how many
// of them finish, and why the first of the others does not. Where directors exchange connections, the others know these by then.
func (s site) outlives(downloads int, exchanged bool) (finished int, failed error) {
	s.Helper()
	s.serve(true)
	at := s.Runs("virtual")
	s.Settled("d1")
	poll := s.polled(20 * time.Millisecond)
	s.answered(poll, 0, "s1")
	s.answered(poll, 0, "s2")
	taken, ended := make(chan struct{}), make(chan error, downloads)
	for range downloads {
		d := s.begins()
		go func() { ended <- d.paced(taken) }()
	}
	if exchanged {
		for _, standby := range lab.Names("d", 3) { // which is told within a moment
			s.Says(standby, fmt.Sprintf("test $(ipvsadm -Lnc | grep -c ESTABLISHED) -ge %d && echo knows", downloads), "^knows")
		}
	}
	killed, err := s.Host(at).Kill()
	s.Must(err)
	_, err = poll.Await(s.Ctx, killed, lab.Answered)
	s.Must(err)
	if now := s.Runs("virtual"); now == at {
		s.Fatalf("the addresses are still on %s, which was killed", at)
	}
	close(taken)
	for range downloads {
		if err := <-ended; err == nil {
			finished++
		} else if failed == nil {
			failed = err
		}
	}
	return finished, failed
}

// paced takes a little at a time until it may take the rest at once.
func (d download) paced(hurry <-chan struct{}) error {
	all, beat := int64(0), time.NewTicker(10*time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			n, err := io.CopyN(io.Discard, d.Reader, 4096)
			if all += n; err != nil {
				return fmt.Errorf("after %d bytes, before the takeover was over: %w", all, err)
			}
			continue
		case <-hurry:
		}
		n, err := io.Copy(io.Discard, d.Reader)
		if all += n; err != nil || all < bigPage {
			return fmt.Errorf("after %d bytes: %w", all, err)
		}
		return nil
	}
}

// balanced is a keepalived.conf with a scheduler: its language has the flag by which the ports of clients count, and the exchange of connections.
func balanced(global, scheduler string) string {
	return global + `virtual_server 10.77.0.99 80 {
    delay_loop 1
    lb_algo ` + scheduler + `
    lb_kind NAT
    protocol TCP
    real_server 10.78.0.14 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
    real_server 10.78.0.15 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
`
}

// exchanging has each director tell the others of its connections.
const exchanging = "global_defs {\n    lvs_sync_daemon eth1\n}\n"

// outliving are the ways in which connections outlive their director: with Maglev hashing both directors lead a connection to the same server, without telling
// each other of it; with other schedulers they have to tell.
var outliving = map[string]struct {
	plane, configuration string
	exchanged            bool
}{
	"ebpf hashed":    {"ebpf", balanced("", "mh\n    mh-port"), false},
	"ebpf exchanged": {"ebpf", balanced(exchanging, "wlc"), true},
	"nft exchanged":  {"nft", balanced(exchanging, "rr"), true},
}

// TestDownloadsOutliveTheirDirector: connections go on at another director when the host of theirs is killed.
func TestDownloadsOutliveTheirDirector(t *testing.T) {
	t.Parallel()
	const downloads = 12
	for name, c := range outliving {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.plane, c.configuration)
			if finished, err := s.outlives(downloads, c.exchanged); finished < downloads {
				t.Errorf("%d of %d downloads finished; the first failed %v", finished, downloads, err)
			}
		})
	}
}

// BenchmarkDownloads: how many of a hundred long downloads finish when the director's host is killed.
func BenchmarkDownloads(b *testing.B) {
	const downloads = 100
	for name, c := range outliving {
		b.Run(name, func(b *testing.B) {
			least := downloads
			for range b.N {
				s := newSite(b, c.plane, c.configuration)
				finished, err := s.outlives(downloads, c.exchanged)
				if err != nil {
					b.Log(err)
				}
				least = min(least, finished)
				s.Close()
			}
			b.ReportMetric(float64(least), "of-100-finished")
			b.ReportMetric(0, "ns/op") // what else an op does says nothing
		})
	}
}
