package director

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/ldirectord"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// running is a daemon on a plane in memory.
type running struct {
	*testing.T
	d     *Daemon
	plane *plane.Memory
	ended chan error
	stop  context.CancelFunc
}

func configured(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := ldirectord.Read("test.cf", []byte(text), config.Literal{})
	if err != nil {
		t.Fatal(err)
	}
	// The language has whole seconds; a test has no time for them.
	for i := range c.Services {
		for j := range c.Services[i].Servers {
			for k := range c.Services[i].Servers[j].Checks {
				c.Services[i].Servers[j].Checks[k].Interval = 20 * time.Millisecond
			}
		}
	}
	return c
}

func begin(t *testing.T, p *plane.Memory, text string) *running {
	t.Helper()
	return run(t, p, configured(t, text))
}

func run(t *testing.T, p *plane.Memory, c *config.Config) *running {
	t.Helper()
	r := &running{T: t, plane: p, ended: make(chan error, 1)}
	r.d = New(c, p, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.ended <- r.d.Run(ctx) }()
	return r
}

func (r *running) end() {
	r.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		r.Fatal(err)
	}
}

// await waits until the table is as wanted: "service: server:weight …".
func (r *running) await(want ...string) {
	r.Helper()
	got := ""
	waitFor(r.T, func() bool {
		all, err := r.plane.Table()
		if err != nil {
			r.Fatal(err)
		}
		var lines []string
		for _, s := range all.Sorted() {
			var servers []string // in no order: each is added when it has answered
			for _, server := range s.Servers {
				servers = append(servers, fmt.Sprintf(" %s/%d", server.Address, server.Weight))
			}
			slices.Sort(servers)
			lines = append(lines, s.Key.String()+":"+strings.Join(servers, ""))
		}
		got = strings.Join(lines, "\n")
		return got == strings.Join(want, "\n")
	}, func() string { return "the table is\n" + got + "\nwant\n" + strings.Join(want, "\n") })
}

func waitFor(t *testing.T, done func() bool, said func() string) {
	t.Helper()
	beat := time.NewTicker(5 * time.Millisecond)
	defer beat.Stop()
	late := time.After(time.Minute)
	for !done() {
		select {
		case <-beat.C:
		case <-late:
			t.Fatal(said())
		}
	}
}

// listener is a server that can be switched off and on.
func listen(t *testing.T, at string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestServersComeAndGo(t *testing.T) {
	t.Parallel()
	one, two := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	dir := t.TempDir()
	text := fmt.Sprintf("fallback=127.0.0.1:9 masq\nquiescent=no\nmaintenancedir=%s\nvirtual=192.0.2.1:80\n real=%s masq 2\n real=%s masq\n checktype=connect\n", dir, one.Addr(), two.Addr())
	p := plane.NewMemory()
	r := begin(t, p, text)
	both := []string{fmt.Sprintf(" %s/2", one.Addr()), fmt.Sprintf(" %s/1", two.Addr())}
	slices.Sort(both)
	r.await("tcp 192.0.2.1:80:" + strings.Join(both, ""))
	one.Close()
	r.await(fmt.Sprintf("tcp 192.0.2.1:80: %s/1", two.Addr()))
	if err := os.WriteFile(filepath.Join(dir, two.Addr().String()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.await("tcp 192.0.2.1:80: 127.0.0.1:9/1")
	listen(t, one.Addr().String())
	r.await(fmt.Sprintf("tcp 192.0.2.1:80: %s/2", one.Addr()))
	r.end()
	r.await()
}

// TestReload: what stays is not touched, what others put there neither, and a wrong configuration changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	server := listen(t, "127.0.0.1:0")
	p := plane.NewMemory()
	other := table.Service{Key: table.Key{Mark: 9}, Scheduler: "rr"}
	if err := p.Apply(table.Added(other)); err != nil {
		t.Fatal(err)
	}
	one := fmt.Sprintf("cleanstop=no\nvirtual=192.0.2.1:80\n real=%s masq\n checktype=connect\n", server.Addr())
	r := begin(t, p, one)
	first := fmt.Sprintf("tcp 192.0.2.1:80: %s/1", server.Addr())
	r.await(first, "fwmark 9:")
	two := fmt.Sprintf("virtual=192.0.2.2:80\n real=%s masq\n checktype=connect\n", server.Addr())
	if err := r.d.Reload(t.Context(), configured(t, one+two)); err != nil {
		t.Fatal(err)
	}
	r.await(first, fmt.Sprintf("tcp 192.0.2.2:80: %s/1", server.Addr()), "fwmark 9:")
	if err := r.d.Reload(t.Context(), configured(t, one+strings.Replace(two, "real", "scheduler=mh\n real", 1))); err != nil {
		t.Fatal(err)
	}
	r.await(first, fmt.Sprintf("tcp 192.0.2.2:80: %s/1", server.Addr()), "fwmark 9:")
	if err := r.d.Reload(t.Context(), configured(t, one)); err != nil {
		t.Fatal(err)
	}
	r.await(first, "fwmark 9:")
	r.end()
	r.await(first, "fwmark 9:") // cleanstop=no
	again := begin(t, p, one)
	again.await(first, "fwmark 9:")
	again.end()
}

// TestConnectionsOfServersThatLeaveFinish: a server that a new configuration does not have stays without weight until its connections have ended.
func TestConnectionsOfServersThatLeaveFinish(t *testing.T) {
	t.Parallel()
	p := plane.NewMemory()
	const one, both = "virtual=192.0.2.1:80\n real=10.0.0.1:80 masq\n checktype=on\n", "virtual=192.0.2.1:80\n real=10.0.0.1:80 masq\n real=10.0.0.2:80 masq\n checktype=on\n"
	r := begin(t, p, both)
	const first, second = "tcp 192.0.2.1:80: 10.0.0.1:80/1", " 10.0.0.2:80"
	r.await(first + second + "/1")
	reload := func(text string) {
		t.Helper()
		if err := r.d.Reload(t.Context(), configured(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	open := func(n uint32) {
		key := table.Key{Protocol: table.TCP, Address: netip.MustParseAddrPort("192.0.2.1:80")}
		p.Count(plane.Service{Service: table.Service{Key: key}, Servers: []plane.Server{{Server: table.Server{Address: netip.MustParseAddrPort("10.0.0.2:80")}, Active: n}}})
	}
	open(1)
	reload(one)
	r.await(first + second + "/0")
	reload(one)
	r.await(first + second + "/0")
	reload(both)
	r.await(first + second + "/1")
	reload(one)
	r.await(first + second + "/0")
	open(0)
	r.await(first) // it is looked after
	reload(both)
	r.await(first + second + "/1")
	reload(one)
	r.await(first)
	reload(strings.ReplaceAll(both, "checktype", "persistent=60\n checktype"))
	r.await(first + second + "/1")
	open(1)
	reload(strings.ReplaceAll(one, "checktype", "persistent=60\n checktype"))
	r.await(first) // its clients would come back to it
	r.end()
}

// TestReloadOfTheExchange: what differs of it is ended and started.
func TestReloadOfTheExchange(t *testing.T) {
	t.Parallel()
	p := plane.NewMemory()
	c := func(syncs ...plane.Sync) *config.Config { return &config.Config{Syncs: syncs} }
	master, other, backup := plane.Sync{Role: plane.Master, Interface: "eth0"}, plane.Sync{Role: plane.Master, Interface: "eth1"}, plane.Sync{Role: plane.Backup, Interface: "eth0"}
	r := run(t, p, c(master))
	for _, want := range [][]plane.Sync{{master, backup}, {backup, other}, {other}, nil} {
		if err := r.d.Reload(t.Context(), c(want...)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Syncs(); err != nil || !slices.Equal(got, want) {
			t.Errorf("there are %v (%v), want %v", got, err, want)
		}
	}
	r.end()
}

// TestPeopleAreTold: mail and a program, when the last server goes and when it comes back.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	server, post := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	letters := make(chan string, 16)
	go postOffice(post, letters)
	told := filepath.Join(t.TempDir(), "told")
	program := filepath.Join(t.TempDir(), "tell")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >> "+told+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := begin(t, plane.NewMemory(), fmt.Sprintf("emailalert=\"a@example.org\"\nsmtp=%s\nfallbackcommand=%s\nquiescent=yes\nvirtual=192.0.2.1:80\n real=%s masq\n checktype=connect\n servicename=web\n",
		post.Addr(), program, server.Addr()))
	up := fmt.Sprintf("[web] real server %s of tcp 192.0.2.1:80 is ", server.Addr())
	awaitLetter(t, letters, up+"in")
	server.Close()
	awaitLetter(t, letters, up+"out")
	r.await(fmt.Sprintf("tcp 192.0.2.1:80: %s/0", server.Addr()))
	waitFor(t, func() bool {
		b, _ := os.ReadFile(told)
		return string(b) == "start 192.0.2.1:80 tcp\nstop 192.0.2.1:80 tcp\nstart 192.0.2.1:80 tcp\n"
	}, func() string { b, _ := os.ReadFile(told); return "the program was told " + string(b) })
	r.end()
}

func awaitLetter(t *testing.T, letters <-chan string, want string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case got := <-letters:
			if got == want {
				return
			}
		case <-late:
			t.Fatalf("no letter came about %q", want)
		}
	}
}

// postOffice takes letters, and tells their subjects.
func postOffice(l net.Listener, letters chan<- string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			fmt.Fprint(conn, "220 here\r\n")
			body := false
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				line := lines.Text()
				subject, isSubject := strings.CutPrefix(line, "Subject: ")
				switch {
				case body && isSubject:
					letters <- subject
				case body && line == ".":
					body = false
					fmt.Fprint(conn, "250 taken\r\n")
				case body:
				case line == "DATA":
					body = true
					fmt.Fprint(conn, "354 go on\r\n")
				default:
					fmt.Fprint(conn, "250 fine\r\n")
				}
			}
		}()
	}
}

func TestStatusAndMetricsOverTheSocket(t *testing.T) {
	t.Parallel()
	server := listen(t, "127.0.0.1:0")
	r := begin(t, plane.NewMemory(), fmt.Sprintf("virtual=192.0.2.1:80\n real=%s masq\n real=127.0.0.1:1 masq\n checktype=connect\n", server.Addr()))
	r.await(fmt.Sprintf("tcp 192.0.2.1:80: 127.0.0.1:1/0 %s/1", server.Addr()))
	socket := filepath.Join(t.TempDir(), "s")
	if err := r.d.Serve(socket, func() error { return fmt.Errorf("nothing to read") }); err != nil {
		t.Fatal(err)
	}
	var s Status
	if err := Ask(t.Context(), socket, "GET", "/status", &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Services) != 1 || !s.Services[0].Quorate || !s.Services[0].Servers[0].In || s.Services[0].Servers[1].In || s.Services[0].Servers[1].Why == "" {
		t.Errorf("%+v", s)
	}
	if asked := s.Services[0].Servers[0].Asked; len(asked) != 1 || !asked[0].Passed || asked[0].Protocol != "connect" || asked[0].Since.IsZero() {
		t.Errorf("what is asked of the server that is in: %+v", asked)
	}
	if err := Ask(t.Context(), socket, "POST", "/reload", &struct{}{}); err == nil || !strings.Contains(err.Error(), "nothing to read") {
		t.Errorf("a reload that fails answers %v", err)
	}
	if err := r.d.Serve(socket, nil); err == nil || !strings.Contains(err.Error(), "another director answers") {
		t.Errorf("a second director on the socket: %v", err)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /metrics HTTP/1.0\r\n\r\n")
	metrics, err := io.ReadAll(conn)
	want := fmt.Sprintf(`holdfast_director_server_in{server="%s",service="tcp 192.0.2.1:80"} 1`, server.Addr())
	if err != nil || !strings.Contains(string(metrics), want) {
		t.Errorf("no %s in\n%s, %v", want, metrics, err)
	}
	r.end()
}

// refusing is a plane that refuses changes as long as it is told to.
type refusing struct {
	*plane.Memory
	refuse chan bool // one value for each Apply that is to be refused
}

func (r *refusing) Apply(changes []table.Change) error {
	select {
	case <-r.refuse:
		return fmt.Errorf("not now")
	default:
		return r.Memory.Apply(changes)
	}
}

// TestRefusedChangesAreTriedAgain: a plane that refuses once gets the whole difference later.
func TestRefusedChangesAreTriedAgain(t *testing.T) {
	t.Parallel()
	server := listen(t, "127.0.0.1:0")
	p := &refusing{plane.NewMemory(), make(chan bool, 1)}
	text := fmt.Sprintf("virtual=192.0.2.1:80\n real=%s masq\n checktype=connect\n", server.Addr())
	r := &running{T: t, plane: p.Memory, ended: make(chan error, 1)}
	r.d = New(configured(t, text), p, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.ended <- r.d.Run(ctx) }()
	r.await(fmt.Sprintf("tcp 192.0.2.1:80: %s/1", server.Addr()))
	p.refuse <- true
	server.Close()
	r.await(fmt.Sprintf("tcp 192.0.2.1:80: %s/0", server.Addr()))
	r.end()
}

func TestLanguagesAreRecognized(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"# x\nvirtual = 10.0.0.1:80\n":           "ldirectord",
		"checktimeout=3\n\tvirtual6=[::1]:80\n":  "ldirectord",
		"hostgroup a b\nwatch a\n":               "mon",
		"mondir = /x\n\n watch b\n":              "mon",
		"virtual_server 10.0.0.1 80 {\n}\n":      "keepalived",
		"global_defs\n{\n}\ninclude x.conf":      "keepalived",
		"! comment\nvrrp_instance a {\nwatch\n}": "keepalived",
	} {
		if got, err := recognize([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	if _, err := recognize([]byte("hello\n")); err == nil || !strings.Contains(err.Error(), "--language") {
		t.Errorf("%v", err)
	}
}

// TestProgramsSayWeights: the exit status of a check that is to say the weight (misc_dynamic) reaches the table, and a failure takes the server out.
func TestProgramsSayWeights(t *testing.T) {
	t.Parallel()
	says := filepath.Join(t.TempDir(), "says")
	status := func(n string) {
		if err := os.WriteFile(says+".new", []byte(n), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(says+".new", says); err != nil {
			t.Fatal(err)
		}
	}
	status("0")
	conf := filepath.Join(t.TempDir(), "keepalived.conf")
	text := fmt.Sprintf("virtual_server 192.0.2.1 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n real_server 192.0.2.9 80 {\n  weight 4\n  MISC_CHECK {\n"+
		"   misc_path \"/bin/sh -c 'exit $(cat %s)'\"\n   misc_dynamic\n  }\n }\n}\n", says)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadFile(t.Context(), conf, "keepalived", "test")
	if err != nil {
		t.Fatal(err)
	}
	c.Services[0].Servers[0].Checks[0].Interval = 20 * time.Millisecond
	c.Services[0].Servers[0].Checks[0].Retry = 20 * time.Millisecond
	p := plane.NewMemory()
	r := &running{T: t, plane: p, ended: make(chan error, 1), d: New(c, p, slog.New(slog.DiscardHandler))}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.ended <- r.d.Run(ctx) }()
	r.await("tcp 192.0.2.1:80: 192.0.2.9:80/4")
	for _, step := range [][2]string{{"9", " 192.0.2.9:80/7"}, {"2", " 192.0.2.9:80/0"}, {"1", ""}, {"255", " 192.0.2.9:80/253"}, {"0", " 192.0.2.9:80/4"}} {
		status(step[0])
		r.await("tcp 192.0.2.1:80:" + step[1])
	}
	r.end()
}
