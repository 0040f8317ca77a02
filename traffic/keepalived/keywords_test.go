package keepalived_test

import (
	"compress/gzip"
	"io"
	"io/fs"
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

// one is a single file that includes nothing.
type one string

func (o one) Read(name string) ([]byte, error) {
	if name != "k.conf" {
		return nil, fs.ErrNotExist
	}
	return []byte(o), nil
}

func (one) Glob(string) ([]string, error) { return nil, nil }

// compiled has a file read by both programs that read keepalived.conf, each for its part.
func compiled(text string) (warnings []string, err error) {
	tree, err := keepalived.Read(one(text), "k.conf", "host")
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

// TestKeywordsAreThoseOfTheManual holds the file to the installed manual: it has each word with an underscore that begins a line there.
func TestKeywordsAreThoseOfTheManual(t *testing.T) {
	t.Parallel()
	manual, err := os.Open("/usr/share/man/man5/keepalived.conf.5.gz")
	if err != nil {
		t.Skip("keepalived's manual is not installed")
	}
	defer manual.Close()
	unpacked, err := gzip.NewReader(manual)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	have := golden.ReadMarked(t, keywordFile).Text()
	// These are in examples only; Debian's build calls ip_proto ipproto.
	seen := map[string]bool{"ip_address": true, "offset_instance_4": true, "ip_proto": true}
	for _, m := range regexp.MustCompile(`(?m)^(?:\\fB)? *(?:\\fB)?([a-z]+(?:_[a-z0-9]+)+)\b`).FindAllStringSubmatch(string(text), -1) {
		if word := m[1]; !seen[word] {
			seen[word] = true
			if !regexp.MustCompile(`(?m)^[^#\n]*\b` + word + `\b`).MatchString(have) {
				t.Errorf("%s does not have %s", keywordFile, word)
			}
		}
	}
	if len(seen) < 150 {
		t.Errorf("the manual has only %d words: is it read as it should be?", len(seen))
	}
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
