package proxy

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
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
	"get weight shop/one",
	"set weight shop/one 1%",
	"get weight shop/one",
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
	"show acl", "show map", "show acl #0", "show acl #1", "show acl #2", "show acl #3", "show acl #4", "show acl #5", "add acl #0 /more", "del acl #1 192.168.1.1", "show acl #0", "show acl #1",
	"get acl #0 /more", "get acl #0 /less", "get acl #1 10.1.1.1", "get acl #2 example.ORG", "get acl #3 /ab", "clear acl #2", "show acl #2", "show acl",
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
	"prepare map MAP",
	"add map @2 MAP q 1",
	"clear map @2 MAP",
	"show map @2 MAP",
	"show map @9 MAP",
	"commit map @2 MAP",
	"add map MAP key two\\ words",
	"get map MAP key",
	"clear map MAP",
	"show map MAP",
	"get map NETWORKS 10.1.2.3",
	"get map NETWORKS 172.17.0.1",
	"add map NETWORKS 172.16.0.0/12 more",
	"get map NETWORKS 172.17.0.1",
	"get map NETWORKS nowhere",
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

// sameKind are commands of which it matters whether they were taken, and how severe what is said about them is: the words are each program's own.
var sameKind = []string{
	"get weight", "get weight shop", "get weight shop/none", "get weight none/one", "get weight shop/#7",
	"set weight shop/one 257", "set weight shop/one -1", "set weight shop/one 10x", "set weight shop/one",
	"set server", "set server shop/one", "set server shop/one none 1", "set server shop/one weight", "set server shop/one state none",
	"set server shop/one health none", "set server shop/follows health up", "set server shop/follows health down",
	"set server shop/one agent up", "set server shop/one agent-addr 127.0.0.1", "set server shop/one agent-port 1",
	"set server shop/asked agent none", "set server shop/asked agent-addr 300.1.1.1", "set server shop/asked agent-addr 127.0.0.1 port 70000",
	"set server shop/asked agent-port x", "set server shop/asked agent-port 0", "set server shop/asked agent-send text", "set server shop/asked check-port 1",
	"set server shop/one check-addr 127.0.0.1 port 99", "set server shop/one check-port 0", "set server shop/one check-port 70000",
	"set server shop/one addr 127.0.0.9:1", "set server shop/one addr 127.0.0.9 port x", "set server shop/one addr 127.0.0.9", "set server shop/one addr 127.0.0.1 port 1",
	"set server shop/one fqdn localhost", "set server shop/one ssl on",
	"add server shop/added 127.0.0.1:1 id 7", "add server shop/added 127.0.0.1:1 track shop/none", "add server shop/added 127.0.0.1:1 weight 500",
	"add server shop/added 127.0.0.1:1 track shop/one", "del server shop/one", "disable server shop/one", "del server shop/one", "enable server shop/one", "del server shop/added",
	"add server none/added 127.0.0.1:1", "add server shop/added", "del server shop/none",
	"set maxconn frontend none 1", "set maxconn server shop/none 1",
	"set rate-limit connections global", "enable server shop", "enable health shop/two", "enable agent shop/two", "shutdown sessions server shop/none",
	"disable frontend none", "shutdown frontend none", "set dynamic-cookie-key backend none x", "enable dynamic-cookie backend none",
	"show servers state none", "show servers conn none", "show stat none 1 1", "show stat none", "show stat domain none", "show errors none", "show resolvers none",
	"show map none", "get map MAP", "set map MAP none 1", "add map MAP", "del map MAP none", "commit map @77 MAP", "prepare map none", "add map @77 MAP a 1",
	"add map NETWORKS 300.1.1.1 x", "show acl none", "add acl LIST", "del acl LIST none",
	"show table none", "show table tracks data.none gt 1", "show table tracks data.conn_cnt gt 1", "show table tracks data.gpc0 more 1", "show table tracks data.gpc0 gt x",
	"set table tracks key 192.0.2.9 data.gpc0 x", "clear table tracks none", "clear table none",
	"new ssl cert new.pem", "new ssl cert new.pem", "del ssl cert new.pem", "del ssl cert new.pem", "commit ssl cert none", "abort ssl cert none", "show ssl cert none",
	"none", "show", "set",
}

// sameTalk are conversations that have to be the same byte by byte, levels and what they may among them.
var sameTalk = []string{
	"show cli level\n",
	"show cli level\nshow cli level\n",
	"show cli level;show cli level\nshow cli level\n",
	"prompt\nshow cli level\nquit\n",
	"prompt\nshow cli level;show cli level\nquit\n",
	"prompt;show cli level\n",
	"prompt\nprompt\nshow cli level\n",
	"prompt\nadd map MAP <<\nfirst 1\n\nget map MAP first\nquit\n",
	"user;show cli level\n",
	"expert-mode;expert-mode on;expert-mode\n",
	"experimental-mode on;experimental-mode;experimental-mode off;experimental-mode\n",
	"set table texts key two\\ words data.gpc0 -1;show table texts data.gpc0 gt 7\n",
	"set map MAP first a\\;b\\\\c;get map MAP first\n",
	"set severity-output string;set server shop/one addr 127.0.0.1 port 1\n",
	"set server shop/one state maint;show stat shop 4 3 typed\n",
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
	p := bothSockets(t, real)
	for _, command := range sameForm {
		answer := func(name string) string {
			text := strings.ReplaceAll(p.ask(name, p.files(name).Replace(command)), filepath.Join(p.dir, name)+".", "FILE.")
			return form(command, ofHTTPClient.ReplaceAllString(text, ""))
		}
		if ours, theirs := answer("a"), answer("b"); ours != theirs {
			t.Errorf("%s:\nours   %s\nHAProxy %s", command, ours, theirs)
		}
	}
	for _, command := range sameKind {
		kind := func(name string) string {
			answer := p.ask(name, "set severity-output number;"+p.files(name).Replace(command))
			return regexp.MustCompile(`^\n\[\d\]|`).FindString(answer)
		}
		if ours, theirs := kind("a"), kind("b"); ours != theirs {
			t.Errorf("%s: the severity is %q, HAProxy's %q:\nours   %s\nHAProxy %s", command, ours, theirs, p.ask("a", p.files("a").Replace(command)),
				p.ask("b", p.files("b").Replace(command)))
		}
	}
	for _, talk := range sameTalk {
		talked := func(name string) string {
			answer := memory.ReplaceAllString(p.talk(name, p.files(name).Replace(talk)), "POINTER")
			answer = regexp.MustCompile(`exp=\d+`).ReplaceAllString(answer, "exp=N")
			return onlyInOne.ReplaceAllString(answer, "")
		}
		if ours, theirs := talked("a"), talked("b"); ours != theirs {
			t.Errorf("%q:\nours   %q\nHAProxy %q", talk, ours, theirs)
		}
	}
}

// bothSockets runs this program and HAProxy with the same configuration.
func bothSockets(t *testing.T, real string) *peering {
	t.Helper()
	p := newPeering(t, plainPeers)
	host, _, _ := net.SplitHostPort(newSite(t).address)
	for i, name := range []string{"a", "b"} {
		files := map[string]string{"map": "a 1\nb 2\n", "list": "x\ny\n", "networks": "10.0.0.0/8 ten\n"}
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
	acl admin path /admin /root
	acl inside src 10.0.0.0/8 192.168.1.1
	acl names hdr(host) -i Example.org www.example.org
	acl some path_reg ^/a.*b$
	acl asks method GET POST
	acl numbers int(5) gt 3 le 9 7
	acl given req.hdr(x) -m found
	acl long path,length -m int 5:10
	acl secure ssl_fc
	http-request set-header X %%[path,map(%s)]
	http-request deny if { path -f %s }
	http-request set-header Y 1 if admin inside names some asks numbers given long secure { path_beg /x } METH_GET
	http-request set-header N %%[src,map_ip(%s)]
	default_backend shop
backend shop
	server one 127.0.0.1:1 check inter 1h weight 5 maxconn 30
	server two 127.0.0.1:2 backup id 7
	server off 127.0.0.1:3 disabled
	server follows 127.0.0.1:4 track shop/one
	server asked 127.0.0.1:5 agent-check agent-port 9 agent-inter 1h maxqueue 3
backend texts
	stick-table type string size 1k expire 1h store gpc0
backend tracks
	stick-table type ip size 1k expire 1h store gpc0,http_req_rate(1h)
`, p.socket(name), host, 10001+i, filepath.Join(p.dir, name+".map"), filepath.Join(p.dir, name+".list"), filepath.Join(p.dir, name+".networks"))
		if err := os.WriteFile(p.config[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t, "a", os.Args[0])
	p.start(t, "b", real)
	for _, name := range []string{"a", "b"} { // the first check is over
		p.waits(t, name, "show stat", "L4CON")
	}
	return p
}

// ofHTTPClient are patterns of a client that is part of HAProxy.
var ofHTTPClient = regexp.MustCompile(`(?m)^.*'httpclient'.*\n`)

// onlyInOne are lines of statistics that differ by what each program counts, and by times.
var onlyInOne = regexp.MustCompile(`(?m)^S\.\d+\.\d+\.\d+\.(ssl_|h1_|h2_|lastchg|downtime|used_|need_|addr|check_duration|agent_duration)\S*\n`)

// files puts the names of a process's pattern files into a command.
func (p *peering) files(name string) *strings.Replacer {
	file := func(kind string) string { return filepath.Join(p.dir, name+"."+kind) }
	return strings.NewReplacer("MAP", file("map"), "LIST", file("list"), "NETWORKS", file("networks"))
}

// talk says everything at once, and returns what comes back.
func (p *peering) talk(name, text string) string { return p.talkWithin(name, text, patience) }

func (p *peering) talkWithin(name, text string, limit time.Duration) string {
	c, err := net.DialTimeout("unix", p.socket(name), limit)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, text); err != nil {
		return err.Error()
	}
	_ = c.(*net.UnixConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	return string(answer)
}
