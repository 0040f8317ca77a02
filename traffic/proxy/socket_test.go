package proxy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sameForm are commands that HAProxy and this program answer in the same form: line by line, but for numbers that are each process's own.
var sameForm = []string{
	"show backend",
	"show cli level",
	"get var proc.x",
	"get var proc.n",
	"get var proc.none",
	"get var",
	"set severity-output string",
	"set severity-output loud",
	"set rate-limit ssl-sessions global 10",
	"set rate-limit http-compression global 10",
	"show errors nobody",
	"show errors front response",
	"show peers nobody",
	"clear counters",
	"clear counters all",
	"show servers state",
	"show servers state shop",
	"show servers conn",
	"get weight shop/one",
	"set weight shop/one 10",
	"get weight shop/one",
	"set weight shop/one 50%",
	"set server shop/one weight 3",
	"set server shop/one addr 127.0.0.2 port 8080",
	"set server shop/one addr 127.0.0.2 port 8080",
	"set server shop/one addr 127.0.0.3",
	"set server shop/one state drain",
	"set server shop/one state maint",
	"set server shop/one state ready",
	"set server shop/one check-port 99",
	"set server shop/one agent up",
	"disable server shop/one",
	"enable server shop/one",
	"disable health shop/one",
	"enable health shop/one",
	"disable frontend front",
	"enable frontend front",
	"disable frontend nobody",
	"shutdown session 0x1",
	"shutdown sessions server shop/one",
	"set maxconn global 150",
	"set maxconn frontend front 100",
	"set maxconn server shop/one 10",
	"set rate-limit connections global 100",
	"set timeout cli 20",
	"show map MAP",
	"get map MAP a",
	"set map MAP a 7",
	"add map MAP c 3",
	"del map MAP b",
	"show map MAP",
	"prepare map MAP",
	"add map @1 MAP x 1",
	"add map @1 MAP <<\ny 2\nz 3\n",
	"show map @1 MAP",
	"commit map @1 MAP",
	"show map MAP",
	"commit map @9 MAP",
	"clear map MAP",
	"show map MAP",
	"show acl LIST",
	"get acl LIST x",
	"add acl LIST z",
	"del acl LIST x",
	"show acl LIST",
	"prepare acl LIST",
	"add acl @1 LIST new",
	"commit acl @1 LIST",
	"show acl LIST",
	"show table",
	"set table tracks key 192.0.2.1 data.gpc0 7",
	"set table tracks key 192.0.2.2 data.gpc0 1 data.http_req_rate 5",
	"set table tracks key 192.0.2.3 data.nothing 1",
	"set table tracks key 192.0.2.3 data.gpt0 1",
	"show table tracks",
	"show table tracks data.gpc0 gt 1",
	"show table tracks key 192.0.2.2",
	"clear table tracks data.gpc0 lt 5",
	"clear table tracks key 192.0.2.1",
	"show table tracks",
	"show table nothing",
	"add server shop/three 127.0.0.1:9999 weight 3",
	"add server shop/three 127.0.0.1:9999 weight 3",
	"show servers state shop",
	"enable server shop/three",
	"del server shop/three",
	"disable server shop/three",
	"del server shop/three",
	"show version; show cli level",
}

var (
	memory  = regexp.MustCompile(`0x[0-9a-f]+`)
	digits  = regexp.MustCompile(`\d+`)
	perLoop = regexp.MustCompile(`( N)+\n`)
)

// form is an answer without what is each process's own: addresses in memory, counters and times.
func form(command, answer string) string {
	answer = strings.TrimSpace(memory.ReplaceAllString(answer, "POINTER")) + "\n"
	if strings.HasPrefix(command, "show servers") || strings.Contains(command, "version") {
		answer = perLoop.ReplaceAllString(digits.ReplaceAllString(answer, "N"), " N\n")
	}
	if answer = strings.TrimSuffix(answer, ".\n"); answer != "" { // an error
		answer = strings.ToLower(answer[:1]) + strings.TrimSpace(answer[1:])
	}
	answer = regexp.MustCompile(`\[\d+/\w+/[\d:.]+\]`).ReplaceAllString(answer, "[TIME]")
	answer = regexp.MustCompile(`exp=\d+`).ReplaceAllString(answer, "exp=N")
	return regexp.MustCompile(`(?i)n\.N\.N\S*\n`).ReplaceAllString(answer, "VERSION\n")
}

func TestTheSocketAnswersAsHAProxyDoes(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	p := newPeering(t, plainPeers)
	host, _, _ := net.SplitHostPort(newSite(t).address)
	for i, name := range []string{"a", "b"} {
		files := map[string]string{"map": "a 1\nb 2\n", "list": "x\ny\n"}
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(p.dir, name+"."+file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text := fmt.Sprintf(`global
	stats socket %s mode 600 level admin
	maxconn 200
	set-var proc.x str(shared)
	set-var proc.n int(5)
	nbthread 2
defaults
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
frontend front
	bind %s:%d
	http-request set-header X %%[path,map(%s)]
	http-request deny if { path -f %s }
	default_backend shop
backend shop
	server one 127.0.0.1:1 check inter 1h weight 5 maxconn 30
	server two 127.0.0.1:2 backup id 7
	server off 127.0.0.1:3 disabled
backend tracks
	stick-table type ip size 1k expire 1h store gpc0,http_req_rate(1h)
`, p.socket(name), host, 10001+i, filepath.Join(p.dir, name+".map"), filepath.Join(p.dir, name+".list"))
		if err := os.WriteFile(p.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t, "a", os.Args[0])
	p.start(t, "b", real)
	for _, name := range []string{"a", "b"} { // the first check is over
		p.waits(t, name, "show stat", "L4CON")
	}
	for _, command := range sameForm {
		answer := func(name string) string {
			files := strings.NewReplacer("MAP", filepath.Join(p.dir, name+".map"), "LIST", filepath.Join(p.dir, name+".list"))
			return form(command, p.ask(name, files.Replace(command)))
		}
		if ours, theirs := answer("a"), answer("b"); ours != theirs {
			t.Errorf("%s:\nours   %s\nHAProxy %s", command, ours, theirs)
		}
	}
}
