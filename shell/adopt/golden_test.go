package adopt

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/cluster/messaging/config"
	"holdfast/golden"
)

// part begins a file in a golden file.
var part = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// TestImports reads the files that stand in each golden file together, and shows all that became of them.
func TestImports(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/lib/ocf/resource.d/pacemaker/Dummy"); err != nil {
		t.Skipf("Pacemaker's agents are not installed: %v", err)
	}
	golden.Parted(t, "testdata/*.txt", golden.Separator, func(t *testing.T, _, input string) string {
		r := &Result{}
		names := part.FindAllStringSubmatch(input, -1)
		for i, text := range part.Split(input, -1)[1:] {
			if err := r.Read(names[i][1], text, Options{Repair: true, Work: t.TempDir()}); err != nil {
				return "error: " + err.Error() + "\n"
			}
		}
		if err := r.Finish(); err != nil {
			return "error: " + err.Error() + "\n"
		}
		var b strings.Builder
		if err := r.write(&b, nil); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); strings.Contains(text, "hunter2") {
			t.Errorf("a password is shown:\n%s", text)
		}
		outline(t, r, &b)
		return b.String()
	})
}

// outline writes hosts, resources and constraints of a result; what agents add differs between their versions.
func outline(t *testing.T, r *Result, b *strings.Builder) {
	if r.Corosync != "" {
		file, err := config.Parse("corosync.conf", r.Corosync)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Corosync)
		}
		fmt.Fprintf(b, "Hosts of %q, token %v, wait for all %v:\n", file.Cluster, file.Token, file.Quorum.WaitForAll)
		for _, h := range file.Hosts {
			fmt.Fprintf(b, "  %d %s %v\n", h.ID, h.Name, h.Addrs)
		}
	}
	if r.Document == nil {
		return
	}
	if problems := r.Document.Validate(); len(problems) > 0 && !strings.Contains(strings.Join(r.Lost, "\n"), problems[0].Text) {
		t.Errorf("the document is not valid: %v\n%s", problems, r.Document.Bytes())
	}
	b.WriteString("Resources:\n")
	for e := range r.Document.Section("resources").Descendants() {
		if e.Name == "resources" {
			continue
		}
		depth := 1
		for p := e.Parent; p.Name != "resources"; p = p.Parent {
			depth++
		}
		switch e.Name {
		case "primitive", "group", "clone", "master", "bundle":
			fmt.Fprintf(b, "%s%s %s %s:%s:%s\n", strings.Repeat("  ", depth), e.Name, e.ID(), e.Get("class"), e.Get("provider"), e.Get("type"))
		case "nvpair":
			fmt.Fprintf(b, "%s%s=%s\n", strings.Repeat("  ", depth-1), e.Get("name"), e.Get("value"))
		}
	}
	b.WriteString("Constraints:\n")
	for e := range r.Document.Section("constraints").Elements() {
		b.WriteString(e.String())
	}
}

// TestBroken holds what is said of files that cannot be read: file, line and word.
func TestBroken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, text, want string }{
		{"empty", " \n", "empty: the file is empty"},
		{"ha.cf", "", "ha.cf: the file is empty"},
		{"bin", "#!\n\x00\x02ELF", "bin:2: byte 0x0: plain text"},
		{"latin.crm", "primitive a Dummy\n# caf\xe9\n", "latin.crm:2: byte 0xe9: plain text in UTF-8"},
		{"notes", "# notes\n\ncall Bob\n", "notes:3: call Bob: what this is cannot be told"},
		{"cib.xml", "<cib>\n<configuration>\n</cib>", "cib.xml:3"},
		{"cib.xml", "<cib><configuration><resources/></configuration></cib>\npcs status", "cib.xml:2"},
		{"cluster.conf", "<?xml version=\"1.0\"?>\n<cluster name=\"a\"/>", "cluster.conf:2: <cluster> is cman's"},
		{"corosync.conf", "totem {\n version: 2\n token: fast\n}\nnodelist {\n node {\n  ring0_addr: a\n  nodeid: 1\n }\n}\n", `corosync.conf:3: totem.token: "fast"`},
		{"corosync.conf", "totem {\n version: 2\n", `corosync.conf:1: section "totem" is not closed`},
		{"ha.cf", "node a\ndeadtime soon\n", `ha.cf:2: deadtime "soon"`},
		{"ha.cf", "node a\nucast eth0 10.0.0.300\n", "ha.cf:2: ucast eth0 10.0.0.300: 10.0.0.300 is no address"},
		{"ha.cf", "node a\nauto_failback maybe\n", "ha.cf:2: auto_failback maybe: on or off"},
		{"ha.cf", "keepalive 2\n", "ha.cf: no host is named"},
		{"haresources", "# c\na 10.0.0.1 IPaddr::10.0.0.256/24\n", "haresources:2: IPaddr::10.0.0.256/24: 10.0.0.256 is no address"},
		{"haresources", "a 10.0.0.1 \\\n", ""},
		{"haresources", "a 10.0.0.1\n\nb \\\n", "haresources:3: host b runs nothing"},
		{"authkeys", "auth 1\n1 rot13 x\n", "authkeys:2: rot13: crc, md5 or sha1"},
		{"authkeys", "auth 2\n1 crc\n", `authkeys: auth 2: there is no line "2"`},
		{"s.sh", "pcs status\necho 'open\n", "s.sh:2: a ' is not closed"},
		{"s.sh", "crm configure <<E\nprimitive a Dummy\n", "s.sh:1: the here-document's end E is missing"},
	} {
		err := (&Result{}).Read(c.path, c.text, Options{Work: t.TempDir()})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %q: %v, want %q", c.path, c.text, err, c.want)
		}
	}
}

// TestCommand runs the command itself: its exit statuses, -o json and --into.
func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(args ...string) (report, string, int) {
		cmd := command()
		var out strings.Builder
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs(args)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		status := 0
		if err := cmd.Execute(); err != nil {
			status = 1
			out.WriteString(err.Error())
		}
		var r report
		if strings.HasPrefix(out.String(), "{") {
			if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
				t.Errorf("%v: %s", err, out.String())
			}
		}
		return r, out.String(), status
	}
	good := write("cib.xml", `<cib validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>`)
	into := filepath.Join(dir, "new")
	if r, text, status := run(good, "--into", into, "-o", "json"); status != 0 || len(r.Written) != 1 || len(r.Understood) == 0 || r.Lost == nil {
		t.Errorf("status %d: %s", status, text)
	}
	if _, text, status := run(good, "--into", into); status != 1 || !strings.Contains(text, "--force replaces it") {
		t.Errorf("a file that is there: status %d: %s", status, text)
	}
	if r, text, status := run(write("ha.cf", "node a b\nserial /dev/ttyS0\n"), "-o", "json"); status != 0 || len(r.Lost) != 1 {
		t.Errorf("something was lost: status %d: %s", status, text)
	}
	if _, text, status := run(filepath.Join(dir, "missing")); status != 1 || !strings.Contains(text, "no such file") {
		t.Errorf("a file that is not there: status %d: %s", status, text)
	}
}

// TestShellAgrees holds the reading of scripts against a shell.
func TestShellAgrees(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("bash")
	if err != nil {
		t.Skipf("no shell to compare with: %v", err)
	}
	scripts := []string{
		"A=1 B='x y'\nshow $A \"$B\" $B '$A' \\$A \"\\$A\" a\\ b",
		"for x in a 'b c' $EMPTY; do show \"$x\"; show $x; done",
		"V=\"p q\"\nfor x in $V; do for y in 1 2; do show $x$y ${x}_$y; done; done",
		"show a && show b; show c | cat\nshow d > /dev/null 2>&1\nshow e 2>/dev/null # no more\nshow a#b",
		"show one \\\n  two 'three\nfour' \"fi\\\nve\"",
		"A=x; B=$A-y; C=${B}z\nshow $C ${NONE:-d} \"${NONE:-e f}\" $",
		"export Q=1; show ''\"\" $Q\"\"r",
		"show <<E\n$HOME\nE\nshow after",
		"! show x; { show y; show z; }",
	}
	for _, text := range scripts {
		quiet := strings.NewReplacer("> /dev/null 2>&1", "").Replace(text)
		out, err := exec.Command(sh, "-c", "EMPTY=\nshow() { for w; do printf '[%s]' \"$w\"; done; echo; }\n"+quiet).Output()
		if err != nil {
			t.Logf("%q: %v", text, err)
		}
		statements, err := readShell("EMPTY=\n" + text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got strings.Builder
		for _, s := range statements {
			words := s.words
			if words[0] == "!" {
				words = words[1:]
			}
			if words[0] != "show" {
				continue
			}
			for _, w := range words[1:] {
				fmt.Fprintf(&got, "[%s]", w)
			}
			got.WriteByte('\n')
		}
		if got.String() != string(out) {
			t.Errorf("%q:\n%sa shell says:\n%s", text, got.String(), out)
		}
	}
}

func FuzzShell(f *testing.F) {
	for _, seed := range []string{"a 'b", "for x in a; do b $x; done", "cat <<E | crm\nx\nE\n", "f() { a; }\ncase x in a) b;; esac", "a >& b 2>&1 <<< c", "if a; then b; else c; fi", "function f { a; }", "${a:-b} $(c) `d`"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		statements, err := readShell(text)
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, s := range statements {
			if s.line < 1 || s.line > lines || len(s.words) == 0 {
				t.Errorf("%q: statement %+v", text, s)
			}
		}
	})
}
