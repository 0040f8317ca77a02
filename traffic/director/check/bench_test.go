package check

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dying is a server that answers until it dies: then it takes connections and datagrams, and says nothing more.
type dying struct{ dead atomic.Bool }

func (d *dying) overTCP(talk func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		if d.dead.Load() {
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		talk(conn)
	}
}

func (d *dying) overUDP(b *testing.B, answer func([]byte) []byte) netip.AddrPort {
	return replies(b, func(request []byte) []byte {
		if d.dead.Load() {
			return nil
		}
		return answer(request)
	})
}

// living are servers of each protocol over TCP that find their clients' questions well.
var living = map[Protocol]func(net.Conn){
	HTTP: listensFirst("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	SMTP: func(conn net.Conn) {
		_, _ = io.WriteString(conn, "220 ready\r\n")
		_, _ = bufio.NewReader(conn).ReadString('\n')
		_, _ = io.WriteString(conn, "250 hello\r\n")
		_, _ = io.Copy(io.Discard, conn)
	},
	IMAP: says("* OK ready\r\n"), POP: says("+OK\r\n"), FTP: says("220 files\r\n"), NNTP: says("200 news\r\n"),
	Redis: listensFirst("+PONG\r\n"), MySQL: mysqlServer("\xff\x15\x04#28000Access denied"),
	Postgres: listensFirst("R\x00\x00\x00\x08\x00\x00\x00\x00"),
	LDAP:     listensFirst("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"),
	Talk:     listensFirst("here\n"),
}

// BenchmarkServerDies: how long, above the check's interval and time-out, a server is in that dies, for each kind of check; the moments of death are spread
// over the interval. The figure may be below 0: a server that dies just before it is asked is out after the time-out.
func BenchmarkServerDies(b *testing.B) {
	const interval, timeout = 200 * time.Millisecond, 100 * time.Millisecond
	for p := range askers {
		if p == Connect || p == Ping { // a host that dies: lab/balancing
			continue
		}
		b.Run(string(p), func(b *testing.B) {
			var all []time.Duration
			for n := range b.N {
				d := &dying{}
				c, die := d.check(b, p)
				c.Timeout = timeout
				after := interval * time.Duration(n%8) / 8
				all = append(all, lasts(b, Watcher{Check: c, Interval: interval, Jitter: 0.1, Verdict: Verdict{Fall: 1, Rise: 1, In: true}}, after, die)-interval-timeout)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "ms-max")
			b.ReportMetric(0, "ns/op") // what else an op does says nothing
		})
	}
}

// check is a check of a server that die kills.
func (d *dying) check(b *testing.B, p Protocol) (c Check, die func()) {
	c, die = Check{Protocol: p, Login: Login{Secret: "s"}, Send: "hello"}, func() { d.dead.Store(true) }
	switch p {
	case DNS:
		c.Target = d.overUDP(b, func(q []byte) []byte { return nameServer(q, dnsmessage.RCodeSuccess) })
	case SIP:
		c.Target = d.overUDP(b, func([]byte) []byte { return []byte("SIP/2.0 200 OK\r\n\r\n") })
	case RADIUS:
		c.Login = Login{User: "me", Password: "longer than sixteen bytes", Secret: "s"}
		c.Target = d.overUDP(b, func(q []byte) []byte { return radiusServer(b, q, "s", accessAccept) })
	case UDP:
		c.Reply = &Reply{}
		c.Target = d.overUDP(b, func(q []byte) []byte { return q })
	case External, File:
		name := filepath.Join(b.TempDir(), "says")
		c.Command = []string{"sh", "-c", "test ! -e " + name + " || sleep 60"}
		if p == File {
			c.Command = []string{name}
		}
		die = func() {
			if err := os.WriteFile(name, []byte("1\n"), 0o600); err != nil {
				b.Error(err)
			}
		}
	default:
		if c.Send = ""; p == Talk {
			c.Send, c.Expect = "hello", regexp.MustCompile("here")
		}
		c.Target = serve(b, d.overTCP(living[p]))
	}
	return c, die
}

// lasts is how long a server is in behind its death, so long after an answer.
func lasts(b *testing.B, w Watcher, after time.Duration, die func()) time.Duration {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	died, out := make(chan time.Time, 1), time.Time{}
	well := true
	w.Watch(ctx, func(in bool, why error) {
		switch {
		case in:
			time.AfterFunc(after, func() { died <- time.Now(); die() })
		case len(died) == 0:
			well = false
			b.Error(fmt.Errorf("a server is out that lives: %w", why))
			cancel()
		default:
			out = time.Now()
			cancel()
		}
	})
	if !well {
		return 0
	}
	return out.Sub(<-died)
}
