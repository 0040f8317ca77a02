package ebpf

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/exchange"
	"holdfast/traffic/director/table"
)

// news are what a plane tells now, with so much of the round through all.
func (b bench) news(due time.Duration) (all []exchange.Entry) {
	b.Helper()
	if err := b.News(due, func(e exchange.Entry) { all = append(all, e) }); err != nil {
		b.Fatal(err)
	}
	return all
}

func (b bench) learns(all []exchange.Entry) {
	b.Helper()
	if err := b.Learn(all); err != nil {
		b.Fatal(err)
	}
}

// opens has a client's connection be open; it gives the server.
func (b bench) opens(client, virtual string) string {
	b.Helper()
	server := b.sends(tcp(client, virtual, syn)).to.String()
	b.sends(tcp(server, client, syn|ack))
	b.sends(tcp(client, virtual, ack))
	return server
}

// TestExchange: a director goes on with connections that another one told it of, whoever speaks first, though its scheduler would have chosen otherwise; it weighs them,
// and learns of their ends.
func TestExchange(t *testing.T) {
	t.Parallel()
	for version, c := range map[string]struct{ virtual, server, client string }{
		"IPv4": {"10.9.0.1:80", "10.128.0.%d:8080", "11.0.0.1:%d"}, "IPv6": {"[fd09::1]:80", "[fd80::%d]:8080", "[fd0b::1]:%d"},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			one, other := newBench(t), newBenchBeside(t)
			for _, b := range []bench{one, other} {
				b.serve(service4(table.TCP, c.virtual, "wlc"), table.Server{}, fmt.Sprintf(c.server, 1), fmt.Sprintf(c.server, 2), fmt.Sprintf(c.server, 3))
			}
			other.sends(tcp(fmt.Sprintf(c.client, 999), c.virtual, syn)) // so that it would choose others
			one.news(0)
			servers := map[string]string{}
			for n := range 60 {
				client := fmt.Sprintf(c.client, 1000+n)
				servers[client] = one.opens(client, c.virtual)
			}
			one.sends(tcp(fmt.Sprintf(c.client, 5000), c.virtual, syn)) // which is not told: it is a beginning
			told := one.news(0)
			if len(told) != len(servers) {
				t.Fatalf("%d connections are told of %d", len(told), len(servers))
			}
			other.learns(told)
			if back := other.news(2 * roundTime); len(back) != 0 {
				t.Errorf("%v are told again by who has only learned of them", back)
			}
			other.weighs("after learning", 60, 1)
			n := 0
			for client, server := range servers {
				if n++; n%2 == 0 {
					other.wants("a server's data", other.sends(tcp(server, client, ack)), c.virtual, client)
				}
				other.wants("a client's data", other.sends(tcp(client, c.virtual, ack)), client, server)
			}
			if all := other.news(2 * roundTime); len(all) != len(servers) {
				t.Errorf("%d of %d connections are told by who carries them on", len(all), len(servers))
			}
			other.ends(one, servers, c.virtual)
		})
	}
}

// ends closes connections on one director; the other, which carried them before, has none of them after it was told.
func (b bench) ends(other bench, servers map[string]string, virtual string) {
	b.Helper()
	for client, server := range servers {
		b.sends(tcp(client, virtual, fin|ack))
		b.sends(tcp(server, client, fin|ack))
	}
	other.learns(b.news(0))
	active := 0
	if err := other.Connections(func(c plane.Connection) bool {
		if c.State == "ESTABLISHED" {
			active++
		}
		return true
	}); err != nil || active > 0 {
		b.Errorf("%d connections that have ended are established still (%v)", active, err)
	}
}

// weighs compares what servers have to do, together; and that what was learned did not begin here.
func (b bench) weighs(when string, active, began int) {
	b.Helper()
	all, err := b.Status()
	if err != nil {
		b.Fatal(err)
	}
	got := 0
	for _, s := range all[0].Servers {
		got += int(s.Active)
	}
	if got != active || int(all[0].Counters.Connections) != began {
		b.Errorf("%s %d connections are active, %d began, want %d and %d", when, got, all[0].Counters.Connections, active, began)
	}
}

// TestExchangeOfClients: persistent clients come back to their servers on the other director, those with a connection and those without.
func TestExchangeOfClients(t *testing.T) {
	t.Parallel()
	one, other := newBench(t), newBenchBeside(t)
	s := service4(table.TCP, "10.9.0.1:80", "rr")
	s.Persist = time.Hour
	for _, b := range []bench{one, other} {
		b.serve(s, table.Server{}, "10.128.0.1:80", "10.128.0.2:80", "10.128.0.3:80")
	}
	other.sends(tcp("11.0.9.9:999", "10.9.0.1:80", syn)) // so that it would choose others
	one.news(0)
	servers := map[string]string{}
	for n := range 9 {
		client := fmt.Sprintf("11.0.0.%d", n)
		servers[client] = one.sends(tcp(client+":1000", "10.9.0.1:80", syn)).to.String()
		if n%2 == 0 {
			one.opens(client+":1001", "10.9.0.1:80")
		}
	}
	told := one.news(clientsTime)
	different := map[string]bool{} // what is news may be told once more in the round
	for _, e := range told {
		different[fmt.Sprint(e.Client, e.State)] = true
	}
	if want := 9 + 5; len(different) != want { // clients and open connections
		t.Errorf("told are %d entries, want %d: %v", len(different), want, told)
	}
	other.learns(told)
	for client, server := range servers {
		if got := other.sends(tcp(client+":2000", "10.9.0.1:80", syn)).to; got != netip.MustParseAddrPort(server) {
			t.Errorf("%s is at %s, was at %s", client, got, server)
		}
	}
}

// TestNewsThatAreTooMany: what is not kept for who reads too late comes with the round through all.
func TestNewsThatAreTooMany(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve(service4(table.TCP, "10.9.0.1:80", "rr"), table.Server{}, "10.128.0.1:80")
	b.news(0)
	const client = "11.0.0.1:1000"
	b.opens(client, "10.9.0.1:80")
	b.kernel.occupied[0].News += uint32(len(b.kernel.news)) + 5
	for n := range b.kernel.news {
		b.kernel.news[n] = news{Slot: 1, Number: b.kernel.occupied[0].News - uint32(len(b.kernel.news)) + uint32(n) + 1}
	}
	b.news(0)
	if all := b.news(2 * roundTime); len(all) != 1 || all[0].Client.String() != client {
		t.Errorf("the round tells %v", all)
	}
}
