package table

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func key(text string) Key {
	k, err := ParseKey(text)
	if err != nil {
		panic(err)
	}
	return k
}

func server(address string, weight int) Server {
	return Server{Address: netip.MustParseAddrPort(address), Weight: weight}
}

func TestKeysReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"tcp 10.0.0.1:80", "udp [2001:db8::1]:53", "sctp 10.0.0.1:0", "fwmark 5", "fwmark 5 ipv6"} {
		if got := key(text).String(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{"", "tcp", "tcp 10.0.0.1", "icmp 10.0.0.1:1", "fwmark 0", "fwmark 1 ipv4", "tcp 10.0.0.1:80 ipv6"} {
		if k, err := ParseKey(text); err == nil {
			t.Errorf("%q became %v", text, k)
		}
	}
}

// TestDifference tells the changes for typical reconfigurations.
func TestDifference(t *testing.T) {
	t.Parallel()
	web := Service{Key: key("tcp 10.0.0.1:80"), Scheduler: "rr", Servers: []Server{server("10.1.0.1:80", 1), server("10.1.0.2:80", 1)}}
	with := func(change func(*Service)) Service {
		s := web
		s.Servers = slices.Clone(s.Servers)
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		from, to []Service
		want     string
	}{
		"nothing":  {[]Service{web}, []Service{web}, ""},
		"new":      {nil, []Service{web}, "add service tcp 10.0.0.1:80, add server 10.1.0.1:80 of tcp 10.0.0.1:80, add server 10.1.0.2:80 of tcp 10.0.0.1:80"},
		"gone":     {[]Service{web}, nil, "delete service tcp 10.0.0.1:80"},
		"drain":    {[]Service{web}, []Service{with(func(s *Service) { s.Servers[1].Weight = 0 })}, "edit server 10.1.0.2:80 of tcp 10.0.0.1:80"},
		"replaced": {[]Service{web}, []Service{with(func(s *Service) { s.Servers[0] = server("10.1.0.3:80", 1) })}, "add server 10.1.0.3:80 of tcp 10.0.0.1:80, delete server 10.1.0.1:80 of tcp 10.0.0.1:80"},
		"schedule": {[]Service{web}, []Service{with(func(s *Service) { s.Scheduler = "wlc" })}, "edit service tcp 10.0.0.1:80"},
		"mask":     {[]Service{web}, []Service{with(func(s *Service) { s.Netmask = 32 })}, ""},
		"local":    {[]Service{with(func(s *Service) { s.Servers[0].Forward = Local })}, []Service{web}, ""},
	} {
		from, _ := Of(c.from...)
		to, _ := Of(c.to...)
		var got []string
		for _, change := range Difference(from, to) {
			got = append(got, change.String())
		}
		if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// arbitrary draws a table from a small world, so that tables overlap.
func arbitrary(t *rapid.T, name string) Table {
	all := Table{}
	for range rapid.IntRange(0, 4).Draw(t, name+" services") {
		s := Service{
			Key:       rapid.SampledFrom([]Key{key("tcp 10.0.0.1:80"), key("udp 10.0.0.1:80"), key("fwmark 1"), key("tcp [fe80::1]:80")}).Draw(t, "key"),
			Scheduler: rapid.SampledFrom(Schedulers).Draw(t, "scheduler"),
			Persist:   time.Duration(rapid.IntRange(0, 2).Draw(t, "persist")) * time.Second,
		}
		for range rapid.IntRange(0, 4).Draw(t, "servers") {
			one := server(rapid.SampledFrom([]string{"10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"}).Draw(t, "server"), rapid.IntRange(0, 2).Draw(t, "weight"))
			if s.Find(one.Address) < 0 {
				s.Servers = append(s.Servers, one)
			}
		}
		all[s.Key] = s
	}
	return all
}

// TestDifferenceLeadsThere: applied to the actual table, the difference makes the desired one, and nothing is left to do; servers
// and services that are in both are never deleted.
func TestDifferenceLeadsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := arbitrary(t, "from"), arbitrary(t, "to")
		now := from.Clone()
		for _, c := range Difference(from, to) {
			if _, stays := to[c.Service.Key]; c.Do == DeleteService && stays {
				t.Fatalf("%s though it stays", c)
			}
			if c.Do == DeleteServer && to[c.Service.Key].Find(c.Server.Address) >= 0 {
				t.Fatalf("%s though it stays", c)
			}
			if err := now.Apply(c); err != nil {
				t.Fatal(err)
			}
		}
		if left := Difference(now, to); len(left) > 0 {
			t.Fatalf("left to do: %v", left)
		}
	})
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	web := Service{Key: key("tcp 10.0.0.1:80"), Scheduler: "rr", Servers: []Server{server("10.1.0.1:80", 1)}}
	for _, c := range []struct {
		change Change
		want   error
	}{
		{Change{Do: AddService, Service: web}, ErrExists},
		{Change{Do: AddServer, Service: web, Server: web.Servers[0]}, ErrExists},
		{Change{Do: DeleteServer, Service: web, Server: server("10.1.0.9:80", 1)}, ErrNotFound},
		{Change{Do: EditServer, Service: Service{Key: key("fwmark 1")}, Server: web.Servers[0]}, ErrNotFound},
		{Change{Do: DeleteService, Service: Service{Key: key("fwmark 1")}}, ErrNotFound},
	} {
		now, _ := Of(web)
		if err := now.Apply(c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.change, err, c.want)
		}
		if diff := cmp.Diff(Table{web.Key: web}, now, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("%s changed the table\n%s", c.change, diff)
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Service){
		"":                                      func(*Service) {},
		`scheduler "best" is not known`:         func(s *Service) { s.Scheduler = "best" },
		"port 0 (every port)":                   func(s *Service) { s.Key = key("tcp 10.0.0.1:0"); s.Servers = nil },
		"netmask /33: want 1 to 32":             func(s *Service) { s.Netmask = 33 },
		"server 10.1.0.1:80 is there twice":     func(s *Service) { s.Servers = append(s.Servers, s.Servers[0]) },
		"weight -1: want 0 to":                  func(s *Service) { s.Servers[0].Weight = -1 },
		"only a tunnel leads there":             func(s *Service) { s.Servers[0].Address = netip.MustParseAddrPort("[fe80::2]:80") },
		"direct routing cannot change the port": func(s *Service) { s.Servers[0] = server("10.1.0.1:81", 1); s.Servers[0].Forward = Direct },
		"above its upper limit of 0":            func(s *Service) { s.Servers[0].Lower = 3 },
		"one-packet scheduling is for UDP":      func(s *Service) { s.Flags = OnePacket },
		"want whole seconds":                    func(s *Service) { s.Persist = time.Millisecond },
	} {
		s := Service{Key: key("tcp 10.0.0.1:80"), Scheduler: "rr", Servers: []Server{server("10.1.0.1:80", 1)}}
		change(&s)
		err := s.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestTablesAreKeptAsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		was := arbitrary(t, "table")
		b, err := json.Marshal(was)
		if err != nil {
			t.Fatal(err)
		}
		var is Table
		if err := json.Unmarshal(b, &is); err != nil {
			t.Fatal(err)
		}
		if left := Difference(was, is); len(left) > 0 {
			t.Fatalf("%s differs: %v", b, left)
		}
	})
}
