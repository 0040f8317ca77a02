package keepalived_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/golden"
	directors "holdfast/traffic/director/config"
	"holdfast/traffic/director/virtualserver"
	"holdfast/traffic/keepalived"
	"holdfast/traffic/vrrp/config"
)

const keywordFile = "testdata/keywords.conf"

// compiled has a file read by both programs that read keepalived.conf, each for its part.
func compiled(text string) (warnings []string, err error) {
	tree, err := keepalived.Read(keepalived.Texts{"k.conf": text}, "k.conf", "host")
	if err != nil {
		return nil, err
	}
	v, err := config.Compile(tree)
	if err != nil {
		return nil, err
	}
	d, err := virtualserver.Compile(tree, directors.Literal{})
	if err != nil {
		return nil, err
	}
	return append(v.Warnings, d.Warnings...), nil
}

// TestEveryKeyword holds testdata/keywords.conf, which has each directive of keepalived.conf(5), to what is done here.
func TestEveryKeyword(t *testing.T) {
	t.Parallel()
	golden.Say(t, "../../docs/vrrp.md", golden.ReadMarked(t, keywordFile).Hold(t, "k.conf", compiled))
}

// TestKeywordsAreThoseOfTheManual holds the file to the installed manual: it has each word with an underscore that begins a line there, but for names in
// examples, and ip_proto, which Debian's build calls ipproto.
func TestKeywordsAreThoseOfTheManual(t *testing.T) {
	t.Parallel()
	golden.ReadMarked(t, keywordFile).HasWords(t, golden.Manual(t, "keepalived.conf.5"), `(?m)^(?:\\fB)? *(?:\\fB)?([a-z]+(?:_[a-z0-9]+)+)\b`, 150,
		"ip_address", "offset_instance_4", "ip_proto")
}

// TestKeywordsAreKeepaliveds has the installed keepalived read the file: it knows each word in it.
func TestKeywordsAreKeepaliveds(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("keepalived")
	if err != nil {
		t.Skip("keepalived is not installed")
	}
	name := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(name, []byte(golden.ReadMarked(t, keywordFile).Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	output, _ := exec.CommandContext(t.Context(), program, "-t", "-f", name).CombinedOutput() // it finds much wrong with addresses and interfaces
	for line := range strings.SplitSeq(string(output), "\n") {
		if !strings.Contains(line, "Unknown keyword") {
			continue
		}
		// Words that its build lacks, and that are in the manual.
		if !regexp.MustCompile(`'(track_group|vrrp_ipsets|notify_deleted|host)'`).MatchString(line) {
			t.Error(line)
		}
	}
}
