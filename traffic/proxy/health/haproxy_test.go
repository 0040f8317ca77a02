package health

import (
	"crypto/tls"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/pause"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// scripted is a server that goes through a script with each that comes: "> TEXT" is said, "< TEXT" waited for, "hang" keeps the connection open. It
// keeps what the first told it.
type scripted struct {
	listener net.Listener
	mu       sync.Mutex
	heard    string
	came     bool // somebody did
	whole    bool
}

func newScripted(t *testing.T, script []string) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{listener: l}
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended); l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			first := !s.came
			s.came = true
			s.mu.Unlock()
			go func() {
				defer c.Close()
				heard := s.follow(c, script, ended)
				s.mu.Lock()
				defer s.mu.Unlock()
				if first { // not who is done first
					s.heard, s.whole = heard, true
				}
			}()
		}
	}()
	return s
}

// follow goes through the script, and returns what it heard.
func (s *scripted) follow(c net.Conn, script []string, ended <-chan struct{}) string {
	var heard strings.Builder
	room := make([]byte, 4096)
	for _, line := range script {
		switch text := strings.TrimPrefix(strings.TrimPrefix(line, "> "), "< "); {
		case line == "hang":
			go func() { <-ended; c.Close() }()
			_, _ = io.Copy(&heard, c)
		case line[0] == '>':
			_, _ = io.WriteString(c, text)
		default:
			for !strings.Contains(heard.String(), text) {
				n, err := c.Read(room)
				heard.Write(room[:n])
				if err != nil {
					return heard.String()
				}
			}
		}
	}
	return heard.String()
}

// first is what the first that came said; it waits for its end.
func (s *scripted) first(t *testing.T) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); pause.For(t.Context(), 5*time.Millisecond) {
		s.mu.Lock()
		heard, whole := s.heard, s.whole || !s.came
		s.mu.Unlock()
		if whole {
			return heard
		}
	}
	t.Error("what came to a server does not end")
	return ""
}

// told is what is known of a server after checks.
type told struct{ state, status, code, last string }

// theirVerdicts runs HAProxy and asks it for the states of server s of each backend.
func theirVerdicts(t *testing.T, config string, backends int) map[string]told {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: there is nothing to compare with")
	}
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "s")
	text := "global\n stats socket " + socket + " level admin\n external-check\n insecure-fork-wanted\n ssl-server-verify none\n" + config
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-db", "-f", file)
	var complaints strings.Builder
	c.Stderr = &complaints
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	t.Cleanup(func() { _ = c.Process.Kill(); <-ended })
	for deadline := time.Now().Add(patience); ; pause.For(t.Context(), 20*time.Millisecond) {
		if all := statistics(socket); len(all) == backends {
			return all
		}
		select {
		case <-ended:
			t.Fatalf("haproxy ended: %s", complaints.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("haproxy has no verdicts but %v", statistics(socket))
		}
	}
}

// statistics are the verdicts that HAProxy has already.
func statistics(socket string) map[string]told {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return nil
	}
	defer c.Close()
	fmt.Fprintln(c, "show stat")
	rows, err := csv.NewReader(c).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	all := map[string]told{}
	for _, row := range rows[1:] {
		status := row[column["check_status"]]
		if row[1] != "s" || status == "INI" || strings.HasPrefix(status, "*") || status == "" {
			continue
		}
		all[row[0]] = told{row[column["status"]], status, row[column["check_code"]], row[column["last_chk"]]}
	}
	return all
}

// ourVerdicts asks the servers of each backend once.
func ourVerdicts(t *testing.T, text string) map[string]told {
	t.Helper()
	c, err := config.Load([]config.File{{Name: "haproxy.cfg", Text: []byte("global\n external-check\n ssl-server-verify none\n" + text)}}, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	backends := map[string]*pool.Backend{}
	for _, x := range c.Proxies {
		backends[x.Name] = pool.New(x, 1, time.Now)
	}
	pool.Link(c, backends)
	checker := &Checker{Global: &c.Global, Process: c.Compiler.Process(), Secret: func(s *pool.Server) *tls.Config {
		if s.CheckSecurity == nil {
			return nil
		}
		return &tls.Config{InsecureSkipVerify: true, ServerName: s.CheckSNI, NextProtos: s.CheckALPN}
	}}
	all := map[string]told{}
	var mu sync.Mutex // guards all
	var done sync.WaitGroup
	for name, b := range backends {
		done.Go(func() {
			s := b.Servers()[0]
			checker.judge(s, checker.ask(t.Context(), s), time.Now())
			r := s.Health(time.Now()).Check
			one := told{status: r.Status, last: r.Why}
			switch {
			case !s.Up():
				one.state = "DOWN"
			case !s.Usable():
				one.state = "NOLB"
			default:
				one.state = "UP"
			}
			if r.Code >= 0 && slices.Contains(strings.Fields("L7OK L7OKC L7STS PROCOK PROCERR"), r.Status) {
				one.code = strconv.Itoa(r.Code)
			}
			mu.Lock()
			defer mu.Unlock()
			all[name] = one
		})
	}
	done.Wait()
	return all
}

// comparable is what a check said, without its ports, and names of header fields in small letters.
func comparable(said string) string {
	return regexp.MustCompile(`\d{4,5}`).ReplaceAllString(strings.ToLower(said), "PORT")
}

// TestChecksEndAsHAProxys asks the same servers in the same ways with both programs: state, letters and number are the same.
func TestChecksEndAsHAProxys(t *testing.T) {
	t.Parallel()
	var texts [2]strings.Builder
	var heard [2]map[string]*scripted
	for side := range texts {
		heard[side] = map[string]*scripted{}
		texts[side].WriteString("defaults\n mode http\n timeout connect 20s\n timeout server 5s\n timeout client 5s\n")
		for i, c := range cases {
			name := fmt.Sprintf("b%02d", i)
			s := newScripted(t, c.script)
			heard[side][name] = s
			limit := "60s"
			if c.late {
				limit = "1500ms"
			}
			fmt.Fprintf(&texts[side], "backend %s\n timeout check %s\n%s\n", name, limit,
				strings.ReplaceAll(c.config, "%s", s.listener.Addr().String()+" check inter 2s fall 1 rise 1"))
		}
	}
	theirs := theirVerdicts(t, texts[0].String(), len(cases))
	ours := ourVerdicts(t, texts[1].String())
	for i, c := range cases {
		name := fmt.Sprintf("b%02d", i)
		got, want := ours[name], theirs[name]
		if strings.Contains(c.config, "ssl") { // HAProxy gives the handshake as long as it gives connecting
			got.status, want.status = got.status[:2], want.status[:2]
		}
		if got.state != want.state || got.status != want.status || got.code != want.code {
			t.Errorf("%q, %q: %+v, where HAProxy has %+v", c.config, c.script, got, want)
		}
		if strings.Contains(c.config, "ssl") || strings.Contains(c.config, "proto h2") {
			continue // a hello has random bytes in it
		}
		if said, wanted := comparable(heard[1][name].first(t)), comparable(heard[0][name].first(t)); said != wanted {
			t.Errorf("%q says %q, where HAProxy says %q", c.config, said, wanted)
		}
	}
}
