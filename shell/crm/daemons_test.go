package crm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The daemons of all hosts, of some, or of this one alone. PATH and the environment are the process's, so this test
// cannot run beside others.
func TestDaemonsOfOtherHosts(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "called")
	for name, script := range map[string]string{
		"systemctl": `echo "here: $*" >> ` + log,
		"ssh":       `shift 4; echo "$*" | tr -d "'" >> ` + log + `; case "$*" in *away*) echo "no route to host" >&2; exit 255;; esac`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := "nodelist {\n\tnode {\n\t\tname: " + thisNode() + "\n\t\tnodeid: 1\n\t}\n\tnode {\n\t\tname: other\n\t\tnodeid: 2\n\t}\n\tnode {\n\t\tname: away\n\t\tnodeid: 3\n\t}\n}\n"
	if err := os.MkdirAll(filepath.Join(dir, "etc/corosync"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/corosync/corosync.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("HOLDFAST_ROOT", dir)
	for _, c := range []struct {
		line   string
		called []string
		fails  string // part of what it says, when it fails
	}{
		{"cluster start", []string{"here: start holdfast.service"}, ""},
		{"cluster stop other", []string{"other systemctl stop holdfast.service"}, ""},
		{"cluster enable other " + thisNode(), []string{"here: enable holdfast.service", "other systemctl enable holdfast.service"}, ""},
		{"cluster stop --all", []string{"away systemctl stop holdfast.service", "here: stop holdfast.service", "other systemctl stop holdfast.service"}, "ssh away"},
		{"cluster stop --all other", nil, "exclude each other"},
	} {
		_ = os.Remove(log)
		var out strings.Builder
		status := Main(strings.Fields(c.line), strings.NewReader(""), &out, &out)
		text, _ := os.ReadFile(log)
		called := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
		slices.Sort(called)
		if !slices.Equal(called, c.called) || (status != 0) != (c.fails != "") || !strings.Contains(out.String(), c.fails) {
			t.Errorf("%s: status %d, called %q, said %s", c.line, status, called, out.String())
		}
	}
}
