package proxy

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Ten reloads one upon the other leave one worker, which has the last configuration; the master's socket tells of them, and reaches it.
func TestWorkersDoNotPileUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := &peering{dir: s.dir}
	master := s.start(t, "-W", "-S", p.socket("master"))
	defer end(t, master)
	s.await(t, 1, true)
	for version := 2; version <= 10; version++ {
		s.write(t, version)
		if err := master.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
	}
	s.write(t, 11)
	if answer := strings.TrimSpace(p.ask("master", "reload")); answer != "" {
		t.Fatal(answer)
	}
	s.await(t, 11, false)
	p.waits(t, "master", "show proc", fmt.Sprintf("%-15d master ", master.Process.Pid), "# workers\n", "# programs\n")
	one := regexp.MustCompile(`(?s)# workers\n\d+ +worker +0 [^\n]*\n# programs`)
	for begun := time.Now(); !one.MatchString(p.ask("master", "show proc")); <-time.After(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("the old workers stay:\n%s", p.ask("master", "show proc"))
		}
	}
	if answer := p.ask("master", "@1 show info"); !strings.Contains(answer, "Name: HAProxy\n") {
		t.Errorf("the worker answers %q", answer)
	}
	if answer := p.ask("master", "@!1 show info"); !strings.Contains(answer, "There is no process for the prefix '@!1'") {
		t.Errorf("a process that is not the master's: %q", answer)
	}
	if answer := p.ask("master", "@master show proc"); !strings.Contains(answer, "master") {
		t.Errorf("the master: %q", answer)
	}
	// A configuration that is wrong changes nothing.
	broken := &site{dir: s.dir, file: filepath.Join(s.dir, "haproxy.cfg"), address: "nonsense"}
	broken.write(t, 12)
	if answer := p.ask("master", "reload"); !strings.Contains(answer, "Reload failed") {
		t.Errorf("a wrong configuration: %q", answer)
	}
	s.await(t, 11, false)
}

// masterTalks are conversations with a master that have to be the same byte by byte, but for what kinds says; WORKER is the worker's number.
var masterTalks = []string{
	"show proc\n", "show proc more\n", "show  version\n", " show version\n", "show version\nshow version\n", "show version;show version\n", "show version",
	"@1 show version\n", "@1  show version\n", "@!WORKER show version\n", "@0 show version\n", "@ show version\n", "@master show version\n", "@1 show version;show version\n",
	"@1 show version;@1 show version;show proc\n", "@1\nshow cli level\n", "@1;show cli level\n", "@!WORKER\nshow version\n@master\nshow proc\n", "@1\n", "@1 show version",
	"prompt\nshow version\nquit\n", "prompt\n@1\nshow version\n@master\nshow version\nquit\n", "prompt\n@1 show version;show version\n", "prompt;show version\n",
	"prompt\nprompt\nshow version\n", "prompt\nshow version;show version\n", "@1 prompt\n", "@1 quit\n", "quit\n", "quit\nshow version\n", "", "prompt\nexpert-mode on\n@1 expert-mode\n", "prompt\nexpert-mode on\nexperimental-mode on\nmcli-debug-mode on\nmcli-debug-mode off\n@1\nexpert-mode off\nshow version\n",
	"expert-mode\n", "expert-mode on\n", "expert-mode on;show version\n", "experimental-mode on;@1 experimental-mode\n", "expert-mode on;@1 expert-mode;expert-mode off;@1 expert-mode\n",
	"mcli-debug-mode on;show version\n", "show cli level\n", "show cli sockets\n", "operator;show cli level\n", "operator\nshow cli level;@1 show cli level\n", "user;@1 show cli level\n",
	"user;show proc\n", "prompt\nuser\n@1 show cli level\n", "@1 add map MAP <<\nc 3\nd 4\n\nshow version\n", "@1 show map MAP\n", "@1 get map MAP c;@1 get map MAP a\n",
	"prompt\n@1 add map MAP <<\ne 5\n\n@1 get map MAP e\n", "@1\nadd map MAP <<\nf 5\n\nget map MAP f\n", "operator;@1 show cli level;@1 show version\n",
	"@1 show version; @1 show cli level ; show cli level\n",
}

// masterKinds are those of which it matters how they end: whether something was said, and whether what follows is done.
var masterKinds = []string{
	"@2 show version;show cli level\n", "@x show version;show cli level\n", "@! show version\n", "@!999999 show version\n", "@!WORKERx show version\n", "@2\nshow cli level\n",
	"prompt\n@2 show version\nshow version\n", "nonsense;show cli level\n", "show;show cli level\n", "\nshow cli level\n", ";show cli level\n", "@1 show backend;;show cli level\n", "@1 nonsense;show cli level\n", "show env HOME\n",
	"user;reload\n", "user;operator;show cli level\n", "user;expert-mode on;show cli level\n", "@1 @1 show version;show cli level\n", "user;@1 set maxconn global 10;show cli level\n",
	"help;show cli level\n", "help show;show cli level\n", "@1 help;show cli level\n", "reload;show cli level\n", "prompt\nreload\nshow cli level\n",
}

// masters runs this program's master and HAProxy's with a configuration each; more stands behind the socket in -S.
func masters(t *testing.T, real, more string) *peering {
	t.Helper()
	p := newPeering(t, plainPeers)
	host, _, _ := net.SplitHostPort(newSite(t).address)
	for i, name := range []string{"a", "b"} {
		text := fmt.Sprintf(`global
	nbthread 1
	log 127.0.0.1:9 local0
defaults
	mode http
	timeout client 30s
	timeout connect 30s
	timeout server 30s
program sleeper
	command /bin/sleep 1000
frontend front
	bind %s:%d
	http-request set-header X %%[path,map(%s)]
	default_backend shop
backend shop
	server one 127.0.0.1:1
`, host, 10001+i, filepath.Join(p.dir, name+".map"))
		for file, text := range map[string]string{p.config[i]: text, filepath.Join(p.dir, name+".map"): "a 1\nb 2\n"} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p.startMaster(t, name, []string{os.Args[0], real}[i], more)
	}
	return p
}

func (p *peering) startMaster(t *testing.T, name, program, more string) {
	t.Helper()
	cmd := exec.Command(program, "-W", "-S", p.socket(name)+more, "-f", filepath.Join(p.dir, name+".cfg"))
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, cmd) })
	p.awaitMaster(t, name)
}

// awaitMaster waits until a master answers that has a worker. HAProxy's begins anew, as a program, when it has read its configuration, and forgets who
// came before that.
func (p *peering) awaitMaster(t *testing.T, name string) string {
	t.Helper()
	for begun := time.Now(); ; <-time.After(10 * time.Millisecond) {
		table := p.talkWithin(name, "show proc\n", time.Second)
		if strings.Contains(table, " worker ") && strings.Contains(table, " sleeper ") && !strings.Contains(table, "# old") {
			return masterForm(table)
		}
		if time.Since(begun) > patience {
			t.Fatalf("%s: %s", name, table)
		}
	}
}

func (p *peering) worker(name string) string {
	found := regexp.MustCompile(`# workers\n(\d+)`).FindStringSubmatch(p.talkWithin(name, "show proc\n", time.Second))
	if found == nil {
		return "none"
	}
	return found[1]
}

// masterForm is what a master said without what is each program's own: numbers of processes, versions, times.
func masterForm(answer string) string {
	answer = regexp.MustCompile(`\d+d\d\dh\d\dm\d\ds`).ReplaceAllString(answer, "UP")
	answer = regexp.MustCompile(`2\.\d+\.\S+ *`).ReplaceAllString(answer, "VERSION")
	answer = regexp.MustCompile(`(?m)^\d+ +(\w+ +)`).ReplaceAllString(answer, "PID $1")
	answer = memory.ReplaceAllString(answer, "POINTER")
	return regexp.MustCompile(`\d+(\(\w+\))?> `).ReplaceAllString(answer, "PID$1> ")
}

// TestTheMasterAnswersAsHAProxysDoes says the same to both masters.
func TestTheMasterAnswersAsHAProxysDoes(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	p := masters(t, real, "")
	said := func(name, talk string) string {
		return masterForm(p.talk(name, strings.NewReplacer("WORKER", p.worker(name), "MAP", filepath.Join(p.dir, name+".map")).Replace(talk)))
	}
	for _, talk := range masterTalks {
		if ours, theirs := said("a", talk), said("b", talk); ours != theirs {
			t.Errorf("%q:\nours    %q\nHAProxy %q", talk, ours, theirs)
		}
	}
	for _, talk := range masterKinds {
		kind := func(name string) string {
			answer := said(name, talk)
			if strings.Contains(talk, "reload") {
				p.awaitMaster(t, name)
			}
			_, after, _ := strings.Cut("\n"+answer, "\nadmin\n")
			return fmt.Sprintf("something %v, goes on %v, then %q", answer != "", "\n"+answer != after, after)
		}
		if ours, theirs := kind("a"), kind("b"); ours != theirs {
			t.Errorf("%q:\nours    %s: %q\nHAProxy %s: %q", talk, ours, said("a", talk), theirs, said("b", talk))
		}
	}
	// Reloads that come off, and that do not, and what the table and the prompt say of them.
	for _, good := range []bool{true, false, false, true} {
		var tables, prompts [2]string
		for i, name := range []string{"a", "b"} {
			text, err := os.ReadFile(p.config[i])
			if err != nil {
				t.Fatal(err)
			}
			broken := text
			if !good {
				broken = append(slices.Clone(text), "nonsense\n"...)
			}
			before := p.worker(name)
			if err := os.WriteFile(p.config[i], broken, 0o600); err != nil {
				t.Fatal(err)
			}
			_ = p.talk(name, "reload\n")
			for begun := time.Now(); ; <-time.After(10 * time.Millisecond) {
				if tables[i] = p.awaitMaster(t, name); !good || p.worker(name) != before {
					break
				}
				if time.Since(begun) > patience {
					t.Fatalf("%s: the worker stays the same", name)
				}
			}
			prompts[i] = masterForm(p.talk(name, "prompt\nquit\n"))
			if err := os.WriteFile(p.config[i], text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if tables[0] != tables[1] || prompts[0] != prompts[1] {
			t.Errorf("after a reload (good: %v)\nours    %q %q\nHAProxy %q %q", good, tables[0], prompts[0], tables[1], prompts[1])
		}
	}
}

// TestTheMastersSocketHasALevel: what -S says behind the address counts.
func TestTheMastersSocketHasALevel(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	p := masters(t, real, ",level,operator,mode,666")
	for _, talk := range []string{"show cli level\n", "@1 show cli level\n", "user;show cli level;@1 show cli level\n", "operator;@1 show cli level\n"} {
		if ours, theirs := p.talk("a", talk), p.talk("b", talk); ours != theirs {
			t.Errorf("%q:\nours    %q\nHAProxy %q", talk, ours, theirs)
		}
	}
	for _, talk := range []string{"@1 set maxconn global 10\n", "expert-mode on\n", "mcli-debug-mode on;show version\n"} {
		for _, name := range []string{"a", "b"} {
			if answer := p.talk(name, talk); !strings.HasPrefix(strings.ToLower(answer), "permission denied") {
				t.Errorf("%s: %q answers %q", name, talk, answer)
			}
		}
	}
	if info, err := os.Stat(p.socket("a")); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestMastersStayOnTheLine: a client may say one thing after another, prompt or not.
func TestMastersStayOnTheLine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := &peering{dir: s.dir}
	master := s.start(t, "-W", "-S", p.socket("master"))
	defer end(t, master)
	p.waits(t, "master", "show proc", " worker ")
	c, err := net.Dial("unix", p.socket("master"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for _, one := range []struct{ line, want string }{{"show cli level", "admin"}, {"@1 show cli level", "admin"}, {"operator", ""}, {"@1 show cli level", "operator"}, {"show cli level", "operator"}} {
		fmt.Fprintln(c, one.line)
		if one.want == "" {
			continue
		}
		if got, err := r.ReadString('\n'); got != one.want+"\n" || err != nil {
			t.Errorf("%s: %q, %v", one.line, got, err)
		}
		_, _ = r.ReadString('\n')
	}
}
