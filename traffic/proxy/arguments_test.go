package proxy

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// commandLines are uses and mistakes of the command line, which end at once. Both programs are to end with the same status, and to say the same on their standard output
// where the last word does not make it their own list.
var commandLines = []struct {
	words string
	own   bool // what is said is each program's own
}{
	{words: "-c -f good.cfg"}, {words: "-c -f good.cfg -V"}, {words: "-c -q -f good.cfg"}, {words: "-c -f silent.cfg", own: true}, {words: "-c -f directory"}, {words: "-c -- good.cfg"},
	{words: "-D -c -f good.cfg"}, {words: "-W -c -f good.cfg"}, {words: "-Ws -c -f good.cfg"}, {words: "-c -f good.cfg -p file"}, {words: "-c -x none.sock -f good.cfg"},
	{words: "-c -f good.cfg -L me -n 100 -N 50 -m 512"}, {words: "-C directory -c -f b.cfg"}, {words: "-c -f good.cfg -sf"}, {words: "-c -f good.cfg -sf 999999999"},
	{words: "-c -f good.cfg -st 999999999"}, {words: "-c -f good.cfg -dM -de -dp -dG -dS -dV -dR -dr -dD"}, {words: "-c -S 127.0.0.1:1 -W -f good.cfg"},
	{words: "-cc version_atleast(2.0)"}, {words: "-cc version_atleast(99.0)"}, {words: "-cc !defined(NOBODY_HAS_THIS)"}, {words: "-v", own: true}, {words: "-vv", own: true},
	{words: "-dKhelp -q -c -f good.cfg"}, {words: "-dKall -q -c -f good.cfg", own: true}, {words: "-c -dL -f good.cfg", own: true},

	{words: "-c -f bad.cfg"}, {words: "-c -q -f bad.cfg"}, {words: "-c -f uncertified.cfg"}, {words: "-c -f none.cfg"}, {words: "-c -f good.cfg -f good.cfg"}, {words: "-c -f empty.cfg", own: true}, {words: "-c", own: true},
	{words: "", own: true}, {words: "-f"}, {words: "-x", own: true}, {words: "-nonsense", own: true}, {words: "-cc nonsense"}, {words: "-cc", own: true}, {words: "-C none -c -f good.cfg"},
	{words: "-c -dW -f silent.cfg"}, {words: "-sf x -c -f good.cfg"}, {words: "-db -f empty.cfg"},
}

func TestCommandLinesEndAsHAProxys(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	dir := t.TempDir()
	good := "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\nlisten l\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n"
	for name, text := range map[string]string{
		"good.cfg": good, "empty.cfg": "", "bad.cfg": "listen l\n bnd 127.0.0.1:1\n", "uncertified.cfg": strings.Replace(good, "127.0.0.1:1", "127.0.0.1:1 ssl crt none.pem", 1), "silent.cfg": "listen l\n bind 127.0.0.1:1\n server s 127.0.0.1:2\n",
		"directory/a.cfg": "global\n maxconn 10\n", "directory/b.cfg": good, "directory/c.txt": "nonsense\n", "directory/.hidden.cfg": "nonsense\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(t *testing.T, program, words string) (status int, said, complained string) {
		var out, complaints bytes.Buffer
		c := exec.CommandContext(t.Context(), program, strings.Fields(words)...)
		c.Dir, c.Stdout, c.Stderr = dir, &out, &complaints
		c.Env = append(os.Environ(), asProgram+"=1")
		var failed *exec.ExitError
		if err := c.Run(); err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode(), out.String(), complaints.String()
	}
	for _, line := range commandLines {
		t.Run(strings.ReplaceAll(line.words, "/", "_"), func(t *testing.T) {
			t.Parallel()
			want, theirs, _ := run(t, real, line.words)
			got, ours, complained := run(t, os.Args[0], line.words)
			if got != want || !line.own && ours != theirs {
				t.Errorf("status %d, %q, %q\nHAProxy's %d, %q", got, ours, complained, want, theirs)
			}
			if got == 1 && !strings.Contains(line.words, "-q") && !strings.HasPrefix(line.words, "-cc version") && complained == "" {
				t.Error("nothing says what was wrong")
			}
		})
	}
}
