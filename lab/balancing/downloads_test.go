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
// of them finish, and why the first of the others does not.
func (s site) outlives(downloads int) (finished int, failed error) {
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

// hashed is a keepalived.conf: its language has the flag by which the ports of clients count.
const hashed = `virtual_server 10.77.0.99 80 {
    delay_loop 1
    lb_algo mh
    mh-port
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

// TestDownloadsOutliveTheirDirector: with Maglev hashing both directors lead a connection to the same server, without telling each other of it.
func TestDownloadsOutliveTheirDirector(t *testing.T) {
	t.Parallel()
	const downloads = 12
	s := newSite(t, "ebpf", hashed)
	if finished, err := s.outlives(downloads); finished < downloads {
		t.Errorf("%d of %d downloads finished; the first failed %v", finished, downloads, err)
	}
}

// BenchmarkDownloads: how many of a hundred long downloads finish when the director's host is killed.
func BenchmarkDownloads(b *testing.B) {
	const downloads = 100
	least := downloads
	for range b.N {
		s := newSite(b, "ebpf", hashed)
		finished, err := s.outlives(downloads)
		if err != nil {
			b.Log(err)
		}
		least = min(least, finished)
		s.Close()
	}
	b.ReportMetric(float64(least), "of-100-finished")
	b.ReportMetric(0, "ns/op") // what else an op does says nothing
}
