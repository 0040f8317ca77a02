package crm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/golden/pty"
)

// person starts an interactive shell on a document with a primitive a and the nodes alpha and beta. ended gets its
// exit status.
func person(t *testing.T, home string) (p *pty.Screen, file string, ended chan int) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "cib.xml")
	doc := cib.New()
	doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "1", "uname", "alpha"))
	doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "2", "uname", "beta"))
	doc.EnsureSection("resources").Append(cib.NewElement("primitive", "id", "a", "class", "ocf", "provider", "heartbeat", "type", "Dummy"))
	if err := os.WriteFile(file, doc.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p, ended = pty.Open(t, 200), make(chan int, 1)
	s := newSession(p.Program, p.Program, p.Program, func(name string) string {
		return map[string]string{"CIB_file": file, "HOME": home}[name]
	})
	s.agents = noAgents{}
	go func() { ended <- s.main(nil) }()
	p.Shows("crm(" + file + ")# ")
	return p, file, ended
}

// A day's work: levels, Tab for everything that can be named, a line that goes on, a question answered; the
// terminal is left as it was.
func TestConversation(t *testing.T) {
	t.Parallel()
	p, file, ended := person(t, "")
	p.Types("confi\t\r")
	p.Shows("configure ")
	p.Shows(")configure# ")
	p.Types("primi\t")
	p.Shows("primitive ")
	p.Types("vip IPad\tpar\ti\t10.0.0.1 op mon\t\\\r")
	p.Shows("IPaddr2 ")
	p.Shows("params ")
	p.Shows("ip=")
	p.Shows("monitor ")
	p.Shows("   > ")
	p.Types("\tinterval=10s\r")
	p.Shows(")configure# ")
	p.Types("location home v\t100: al\t\r")
	p.Shows("vip ")
	p.Shows("alpha ")
	p.Types("property stonith-enab\tf\t\r")
	p.Shows("stonith-enabled=")
	p.Shows("false ")
	p.Shows(")configure# ")
	p.Types("modgr\t\x03show vip home\r") // Ctrl-C gives the line up
	shown := p.Shows("100: alpha")
	if !strings.Contains(shown, "params ip=10.0.0.1") || !strings.Contains(shown, "op monitor interval=10s") {
		t.Errorf("show printed %q", shown)
	}
	p.Types("up\r")
	p.Shows("(y/n)? ")
	p.Types("y\r")
	p.Shows(")# ")
	p.Types("quit\r")
	if status := <-ended; status != 0 {
		t.Errorf("status %d", status)
	}
	left, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(left), `rsc="vip"`) {
		t.Errorf("the document is %s (%v)", left, err)
	}
}

// Candidates are listed when they have nothing more in common, above the line that stays.
func TestCandidatesAreListed(t *testing.T) {
	t.Parallel()
	p, _, ended := person(t, "")
	p.Types("node standby \t")
	p.Shows("alpha  beta")
	p.Shows("node standby ")
	p.Types("x\t\x15help node mai\t\r")
	p.Shows("maintenance ")
	p.Shows("maintenance") // the help
	p.Types("quit\r")
	<-ended
}

// Whoever types faster than the shell reads, as expect and a paste do, loses nothing; mistakes are told and end nothing.
func TestTypedAhead(t *testing.T) {
	t.Parallel()
	p, _, ended := person(t, "")
	p.Types("configure\rprimitive b Dummy \\\r\tparams fake=1 \\\r\top monitor interval=10s\rnosuch\rresource stop a\rshow nope\r# a comment\r" +
		"delete a\rshow b\rquit\rn\r")
	p.Shows(`there is no command "nosuch"`)
	p.Shows("'cd /resource' goes there")
	p.Shows("object nope does not exist")
	p.Shows("primitive b Dummy \\\r\n\tparams fake=1 \\\r\n\top monitor interval=10s")
	p.Shows("(y/n)? ")
	if status := <-ended; status != 1 {
		t.Errorf("status %d after mistakes", status)
	}
	if left, fresh := p.Mode(), pty.Open(t, 200).Mode(); left != fresh {
		t.Errorf("the terminal is left as %+v, and was %+v", left, fresh)
	}
}

// Lines of former sessions come back with the arrow and with Ctrl-R; answers to questions are not among them.
func TestHistoryOfCommands(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p, _, ended := person(t, home)
	p.Types("configure show a\rconfigure show\rquit\r")
	<-ended
	p, file, ended := person(t, home)
	p.Types("\x1b[A\x1b[A")
	p.Shows("configure show")
	p.Types("\x15show a\x12\r")
	p.Shows("primitive a Dummy")
	p.Shows("crm(" + file + ")# ")
	p.Types("\x04")
	<-ended
	kept, err := os.ReadFile(filepath.Join(home, ".cache", "crm", "commands"))
	if want := "configure show a\nconfigure show\nquit\nconfigure show a\n"; err != nil || string(kept) != want {
		t.Errorf("kept %q (%v), want %q", kept, err, want)
	}
}

// An unfinished change is asked about until the answer is one, after Ctrl-D, too; Ctrl-C takes the leaving back.
func TestUnfinishedChange(t *testing.T) {
	t.Parallel()
	p, file, ended := person(t, "")
	p.Types("configure\rproperty stonith-enabled=false\rprimitive b Dummy\r")
	p.Types("quit\r")
	p.Shows("(y/n)? ")
	p.Types("maybe\r")
	p.Shows("(y/n)? ")
	p.Types("\x03")
	p.Shows("the changes are still pending")
	p.Shows(")configure# ")
	p.Types("show ty\tpri\t\r")
	p.Shows("primitive b Dummy")
	p.Shows(")configure# ") // before that, Ctrl-D is the terminal's own
	p.Types("\x04")
	p.Shows("(y/n)? ")
	p.Types("y\r")
	<-ended
	if left, err := os.ReadFile(file); err != nil || !strings.Contains(string(left), `id="b"`) {
		t.Errorf("the document is %s (%v)", left, err)
	}
}
