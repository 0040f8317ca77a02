package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// peering is two processes that exchange tables: a, this program, and b, which may be HAProxy's.
type peering struct {
	dir    string
	config [2]string
}

// plainPeers are the lines of a peers section without TLS.
func plainPeers(_ int, host string, ports [2]int) string {
	return fmt.Sprintf("\tpeer a %s:%d\n\tpeer b %s:%d\n", host, ports[0], host, ports[1])
}

// certifiedPeers are those of one where both ends show a certificate.
func certifiedPeers(file string) func(own int, host string, ports [2]int) string {
	return func(own int, host string, ports [2]int) string {
		secure := "ssl crt " + file + " ca-file " + file + " verify required"
		text := fmt.Sprintf("\tbind %s:%d %s\n\tdefault-server %s\n", host, ports[own], secure, secure)
		for i, name := range []string{"a", "b"} {
			if text += "\tserver " + name; i != own {
				text += fmt.Sprintf(" %s:%d", host, ports[i])
			}
			text += "\n"
		}
		return text
	}
}

// newPeering writes the configurations of both; section has the lines that say who the peers are.
func newPeering(t *testing.T, section func(own int, host string, ports [2]int) string) *peering {
	t.Helper()
	one := newSite(t)
	host, _, _ := net.SplitHostPort(one.address)
	p := &peering{dir: one.dir}
	ports := [2]int{10001, 10002} // the host is the test's own, and nothing takes these of itself while a peer is gone
	for i, name := range []string{"a", "b"} {
		p.config[i] = filepath.Join(p.dir, name+".cfg")
		text := fmt.Sprintf(`global
	stats socket %s mode 600 level admin expose-fd listeners
defaults
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
peers group
%s	table shared type ip size 1k expire 1h store gpc0
backend addresses
	stick-table type ip size 1k expire 1h store gpc0,gpc0_rate(1h),conn_cur,bytes_in_cnt peers group
backend texts
	stick-table type string len 20 size 1k expire 1h store gpt0,server_id peers group
backend numbers
	stick-table type integer size 1k expire 1h store gpc(3),gpt(2) peers group
backend sixes
	stick-table type ipv6 size 1k store http_req_cnt peers group
`, p.socket(name), section(i, host, ports))
		if err := os.WriteFile(p.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *peering) socket(name string) string { return filepath.Join(p.dir, name+".sock") }

// start runs a program as a peer, until the test ends.
func (p *peering) start(t *testing.T, name, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, append([]string{"-db", "-f", filepath.Join(p.dir, name+".cfg"), "-L", name}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	said := filepath.Join(p.dir, name+".said")
	file, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if text, _ := os.ReadFile(said); t.Failed() {
			t.Logf("%s said:\n%s", name, text)
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p.waits(t, name, "show info", "Pid: "+fmt.Sprint(cmd.Process.Pid))
	return cmd
}

// ask gives a command to a process's run-time socket.
func (p *peering) ask(name, command string) string { return p.talk(name, command+"\n") }

// waits asks until the answer has all that is wanted.
func (p *peering) waits(t *testing.T, name, command string, wanted ...string) {
	t.Helper()
	var answer string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		answer = p.ask(name, command)
		missing := false
		for _, w := range wanted {
			missing = missing || !strings.Contains(answer, w)
		}
		if !missing {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	t.Fatalf("%s: %s answers\n%swant %q", name, command, answer, wanted)
}

type entryText struct{ set, table, shown string }

// told are entries in every kind of table, and how they are shown.
var told = []entryText{
	{"set table addresses key 192.0.2.%d data.gpc0 7 data.gpc0_rate 500 data.bytes_in_cnt 5000000000", "addresses", "key=192.0.2.%d use=0 exp=* gpc0=7 gpc0_rate(3600000)=* conn_cur=0 bytes_in_cnt=5000000000"},
	{"set table texts key host%d data.gpt0 77", "texts", "key=host%d use=0 exp=* server_id=0 gpt0=77"},
	{"set table sixes key 2001:db8::%d data.http_req_cnt 40", "sixes", "key=2001:db8::%d use=0 exp=0 http_req_cnt=40"},
	{"set table group/shared key 198.51.100.%d data.gpc0 1", "group/shared", "key=198.51.100.%d use=0 exp=* gpc0=1"},
	{"set table numbers key %d data.gpc1 300 data.gpt1 70000", "numbers", "key=%d use=0 exp=* gpt0=0 gpt1=70000 gpc0=0 gpc1=300 gpc2=0"}, // HAProxy 2.6 cannot be told of arrays
}

func (p *peering) tell(t *testing.T, name string, number int, entries []entryText) {
	t.Helper()
	for _, e := range entries {
		if answer := strings.TrimSpace(p.ask(name, fmt.Sprintf(e.set, number))); answer != "" {
			t.Fatalf("%s: %s: %s", name, e.set, answer)
		}
	}
}

func (p *peering) knows(t *testing.T, name string, number int, entries []entryText) {
	t.Helper()
	for _, e := range entries {
		p.waits(t, name, "show table "+e.table, strings.Split(fmt.Sprintf(e.shown, number), "*")...)
	}
}

func TestTablesGoBothWaysWithHAProxy(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	exchangeTables(t, plainPeers, real, told[:len(told)-1])
}

func TestTablesGoBothWaysAmongOurselves(t *testing.T) {
	t.Parallel()
	exchangeTables(t, plainPeers, os.Args[0], told)
}

// TestTablesGoBothWaysOverTLS, with HAProxy and among ourselves.
func TestTablesGoBothWaysOverTLS(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "peers.pem")
	if err := os.WriteFile(file, peerCertificate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	exchangeTables(t, certifiedPeers(file), os.Args[0], told)
	if real, err := exec.LookPath("haproxy"); err == nil {
		exchangeTables(t, certifiedPeers(file), real, told[:len(told)-1])
	}
}

// peerCertificate is a certificate that is its own authority, and its key.
func peerCertificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "peers"}, NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

func exchangeTables(t *testing.T, section func(own int, host string, ports [2]int) string, other string, byOther []entryText) {
	t.Helper()
	p := newPeering(t, section)
	p.start(t, "a", os.Args[0])
	first := p.start(t, "b", other)
	p.tell(t, "a", 1, told)
	p.tell(t, "b", 2, byOther)
	p.knows(t, "b", 1, told)
	p.knows(t, "a", 2, byOther)
	// What the other misses while it is gone it learns when it comes again, together with all else.
	_ = first.Process.Kill()
	_ = first.Wait()
	p.tell(t, "a", 3, told)
	p.start(t, "b", other)
	p.knows(t, "b", 1, told)
	p.knows(t, "b", 2, byOther)
	p.knows(t, "b", 3, told)
	p.tell(t, "b", 4, byOther)
	p.knows(t, "a", 4, byOther)
}

func TestAReloadKeepsTheTables(t *testing.T) {
	t.Parallel()
	p := newPeering(t, plainPeers)
	before := p.start(t, "a", os.Args[0])
	p.tell(t, "a", 1, told)
	p.start(t, "a", os.Args[0], "-x", p.socket("a"), "-sf", fmt.Sprint(before.Process.Pid))
	p.knows(t, "a", 1, told)
	ended := make(chan error, 1)
	go func() { ended <- before.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the old process: %v", err)
		}
	case <-time.After(patience):
		_ = before.Process.Signal(syscall.SIGQUIT)
		t.Error("the old process goes on after its tables went over")
	}
}

func TestStrangersAreNotPeers(t *testing.T) {
	t.Parallel()
	p := newPeering(t, plainPeers)
	p.start(t, "a", os.Args[0])
	text, _ := os.ReadFile(p.config[0])
	_, rest, _ := strings.Cut(string(text), "peer a ")
	address, _, _ := strings.Cut(rest, "\n")
	for _, c := range []struct{ greeting, want string }{
		{"HAProxyS 2.1\na\nc 1 1\n", "504\n"},
		{"HAProxyS 2.1\nb\nb 1 1\n", "503\n"},
		{"HAProxyS 3.1\na\nb 1 1\n", "502\n"},
		{"GET / HTTP/1.1\n\n\n", "501\n"},
		{"HAProxyS 2.1\na\nb 1 1\n", "200\n"},
	} {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, c.greeting)
		answer := make([]byte, 4)
		_, err = io.ReadFull(conn, answer)
		if string(answer) != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.greeting, answer, err, c.want)
		}
		_ = conn.Close()
	}
}
