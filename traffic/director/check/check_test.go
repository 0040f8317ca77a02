package check

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const patience = 10 * time.Second

// replies answers datagrams, until the test ends; nil is no answer.
func replies(t testing.TB, answer func([]byte) []byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if reply := answer(b[:n]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// serve takes connections and lets talk handle each, until the test ends.
func serve(t testing.TB, talk func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); talk(conn) }()
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// says answers with text, then reads until the client leaves.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// listensFirst reads a line or packet before it answers.
func listensFirst(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, maxLine))
		_, _ = io.WriteString(conn, text)
	}
}

func TestTCPProtocols(t *testing.T) {
	t.Parallel()
	mail := func(conn net.Conn) {
		_, _ = io.WriteString(conn, "220-mail\r\n220 ready\r\n")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if line == "EHLO check.example\r\n" {
			_, _ = io.WriteString(conn, "250-mail\r\n250 SIZE 1\r\n")
		}
		_, _ = io.Copy(io.Discard, conn)
	}
	hungUp := func(net.Conn) {}
	for name, test := range map[string]struct {
		protocol Protocol
		server   func(net.Conn)
		want     string // in the error; "": none
	}{
		"connect":                   {Connect, hungUp, ""},
		"smtp":                      {SMTP, mail, ""},
		"smtp that is busy":         {SMTP, says("421 too many\r\n"), `it answers "421 too many", want 220`},
		"imap":                      {IMAP, says("* OK ready\r\n"), ""},
		"imap that is another":      {IMAP, says("+OK ready\r\n"), `want * OK or * PREAUTH`},
		"pop":                       {POP, says("+OK\r\n"), ""},
		"pop that hangs up":         {POP, hungUp, "read its answer: EOF"},
		"ftp":                       {FTP, says("220 files\r\n"), ""},
		"nntp":                      {NNTP, says("201 read only\r\n"), ""},
		"redis":                     {Redis, listensFirst("+PONG\r\n"), ""},
		"redis with a password":     {Redis, listensFirst("-NOAUTH Authentication required.\r\n"), ""},
		"redis that loads":          {Redis, listensFirst("-LOADING\r\n"), "want +PONG"},
		"mysql":                     {MySQL, mysqlServer("\xff\x15\x04#28000Access denied"), ""},
		"mysql that is cut short":   {MySQL, says("\x0a\x00\x00\x00\x0a8.0.1\x00...."), "its handshake is cut short"},
		"mysql that refuses":        {MySQL, says("\x17\x00\x00\x00\xff\x10\x04Too many connections"), "it answers Too many connections"},
		"mysql that is another":     {MySQL, says("SSH-2.0-OpenSSH\r\n"), "is none of MySQL's"},
		"pgsql":                     {Postgres, listensFirst("R\x00\x00\x00\x08\x00\x00\x00\x00"), ""},
		"pgsql without the user":    {Postgres, listensFirst("E\x00\x00\x00\x13SFATAL\x00C28000\x00\x00"), ""},
		"pgsql that starts":         {Postgres, listensFirst("E\x00\x00\x00\x13SFATAL\x00C57P03\x00\x00"), "it takes no connections now"},
		"ldap":                      {LDAP, listensFirst("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"), ""},
		"ldap, long form of length": {LDAP, listensFirst("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x61\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00"), ""},
		"ldap that is another":      {LDAP, listensFirst("HTTP/1.1 400 Bad Request\r\n"), "no answer to a bind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Check{Protocol: test.protocol, Target: serve(t, test.server), Timeout: patience, Name: "check.example"}
			expect(t, c.Run(t.Context()), test.want)
		})
	}
}

// expect compares an error with a part of it.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("got %v, want no error", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	const page = "all is well\n"
	sum := md5.Sum([]byte(page))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case r.URL.Path == "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/virtual" && r.Host != "www.example":
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/head" && r.Method != http.MethodHead:
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			_, _ = io.WriteString(w, page)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(func() { plain.Close(); secure.Close() })
	for name, test := range map[string]struct {
		page Page
		want string
	}{
		"a page":                   {Page{}, ""},
		"that matches":             {Page{Match: regexp.MustCompile("is w.ll")}, ""},
		"that does not":            {Page{Match: regexp.MustCompile("^ill")}, `nothing in the page matches "^ill"`},
		"a digest":                 {Page{Digest: hex.EncodeToString(sum[:])}, ""},
		"another digest":           {Page{Digest: strings.Repeat("0", 32)}, "the page's digest is"},
		"a redirect is an answer":  {Page{Path: "moved"}, ""},
		"broken":                   {Page{Path: "/broken"}, `the status is "500 Internal Server Error"`},
		"broken, as it has to be":  {Page{Path: "/broken", Status: []int{500}}, ""},
		"a virtual host":           {Page{Path: "/virtual", Host: "www.example"}, ""},
		"another virtual host":     {Page{Path: "/virtual"}, "404"},
		"by HEAD":                  {Page{Path: "/head", Method: http.MethodHead}, ""},
		"a path that is none":      {Page{Path: "/%zz"}, "invalid URL escape"},
		"a status that is not had": {Page{Status: []int{204}}, `the status is "200 OK"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := plain.Listener.Addr().(*net.TCPAddr).AddrPort()
			expect(t, Check{Protocol: HTTP, Target: at, Timeout: patience, Page: test.page}.Run(t.Context()), test.want)
			at = secure.Listener.Addr().(*net.TCPAddr).AddrPort()
			expect(t, Check{Protocol: HTTP, Target: at, Timeout: patience, Page: test.page, TLS: &TLS{}}.Run(t.Context()), test.want)
		})
	}
	at := secure.Listener.Addr().(*net.TCPAddr).AddrPort()
	expect(t, Check{Protocol: HTTP, Target: at, Timeout: patience, TLS: &TLS{Verify: true, ServerName: "www.example"}}.Run(t.Context()), "agree on TLS")
}

func TestPackets(t *testing.T) {
	t.Parallel()
	code := dnsmessage.RCodeSuccess
	refused := dnsmessage.RCodeRefused
	for name, test := range map[string]struct {
		protocol Protocol
		answer   func(request []byte) []byte
		want     string
	}{
		"dns":                  {DNS, func(b []byte) []byte { return nameServer(b, code) }, ""},
		"dns that refuses":     {DNS, func(b []byte) []byte { return nameServer(b, refused) }, "it answers Refused"},
		"dns that is another":  {DNS, func([]byte) []byte { return []byte("hello") }, "no answer to the query"},
		"sip":                  {SIP, func([]byte) []byte { return []byte("SIP/2.0 200 OK\r\n\r\n") }, ""},
		"sip without the user": {SIP, func([]byte) []byte { return []byte("SIP/2.0 404 Not Found\r\n\r\n") }, ""},
		"sip in trouble":       {SIP, func([]byte) []byte { return []byte("SIP/2.0 503 Unavailable\r\n\r\n") }, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := replies(t, test.answer)
			expect(t, Check{Protocol: test.protocol, Target: at, Timeout: patience}.Run(t.Context()), test.want)
		})
	}
}

func nameServer(question []byte, code dnsmessage.RCode) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil {
		return nil
	}
	m.Response, m.RCode = true, code
	b, _ := m.Pack()
	return b
}

func TestPing(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("a raw socket needs root")
	}
	expect(t, Check{Protocol: Ping, Target: netip.MustParseAddrPort("127.0.0.1:0"), Timeout: patience}.Run(t.Context()), "")
	if err := (Check{Protocol: Ping, Target: netip.MustParseAddrPort("[::1]:0"), Timeout: patience}).Run(t.Context()); err != nil && !strings.Contains(err.Error(), "cannot assign") && !strings.Contains(err.Error(), "unreachable") {
		t.Error(err)
	}
}

func TestExternalProgram(t *testing.T) {
	t.Parallel()
	run := func(timeout time.Duration, command ...string) error {
		return Check{Protocol: External, Command: command, Timeout: timeout}.Run(t.Context())
	}
	expect(t, run(patience, "true"), "")
	expect(t, run(patience, "sh", "-c", "echo no such page; exit 3"), "exit status 3: no such page")
	expect(t, run(patience, "/nonexistent"), "no such file")
	expect(t, run(patience), "no program is given")
	expect(t, run(50*time.Millisecond, "sh", "-c", "sleep 60 & wait"), "no answer within 50ms")
}

func TestServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	silent := serve(t, says(""))
	for _, p := range []Protocol{HTTP, SMTP, IMAP, MySQL, Postgres, LDAP, Redis} {
		expect(t, Check{Protocol: p, Target: silent, Timeout: 50 * time.Millisecond}.Run(t.Context()), "no answer within 50ms")
	}
	expect(t, Check{Protocol: Connect, Target: silent, TLS: &TLS{}, Timeout: 50 * time.Millisecond}.Run(t.Context()), "agree on TLS")
	expect(t, Check{Protocol: "gopher", Target: silent, Timeout: patience}.Run(t.Context()), `protocol "gopher" is not known; there are connect, dns,`)
}

func TestVerdictNeedsAnswersInARow(t *testing.T) {
	t.Parallel()
	v := Verdict{Fall: 3, Rise: 2, In: true}
	got := ""
	for _, answer := range "bbgbbbggbgg" {
		v.Answer(answer == 'g')
		if v.In {
			got += "+"
		} else {
			got += "-"
		}
	}
	if want := "+++++--++++"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWatcherTellsChangesOnly(t *testing.T) {
	t.Parallel()
	answers := make(chan string, 8)
	for _, a := range []string{"+OK", "+OK", "-ERR", "-ERR", "-ERR", "+OK"} {
		answers <- a
	}
	close(answers)
	at := serve(t, func(conn net.Conn) { _, _ = io.WriteString(conn, <-answers+"\r\n") })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := Watcher{Check: Check{Protocol: POP, Target: at, Timeout: patience}, Interval: time.Millisecond, Verdict: Verdict{Fall: 2, Rise: 1, In: true}}
	var told []bool
	w.Watch(ctx, func(in bool, _ error) {
		told = append(told, in)
		if len(told) == 3 {
			cancel()
		}
	})
	if len(told) != 3 || !told[0] || told[1] || !told[2] {
		t.Errorf("told %v, want in, out, in", told)
	}
}

// FuzzAnswers: whatever a server says, a check ends without a panic, with a login and without.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		"220 x\r\n250 y\r\n", "\x0a\x00\x00\x00\x0a8.0", "R\x00\x00\x00\x08", "\x30\x84\x00\x00\x00\x10\x02", "HTTP/1.1 200 OK\r\n\r\nx",
		"NR\x00\x00\x00\x0c\x00\x00\x00\x05saltR\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00Z\x00\x00\x00\x05I",
		"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x0b\x02\x01\x02\x64\x06\x04\x02dc\x30\x00",
		"\x43\x00\x00\x00" + string(mysqlGreets(mysqlSHA2)) + "\x02\x00\x00\x02\x01\x04\x01\x00\x00\x04\x00\x01\x00\x00\x01\x01",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for p, a := range askers {
			if a.network == "" {
				continue
			}
			for _, c := range []Check{{}, {Login: Login{User: "me", Password: "secret", Secret: "s"}, Database: "d", Send: "q", Expect: regexp.MustCompile("^x")}} {
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				go func() { _, _ = theirs.Write(b); theirs.Close() }()
				_ = ours.SetDeadline(time.Now().Add(time.Second))
				c.Protocol, c.Target = p, netip.MustParseAddrPort("127.0.0.1:1")
				_ = a.ask(t.Context(), c, ours)
				ours.Close()
			}
		}
	})
}
