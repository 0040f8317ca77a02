package pcs

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestCallsBuildOnEachOther(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	steps := []struct {
		call string
		code int
		want string // part of what is printed
	}{
		{"resource create A ocf:x:Missing", 1, ""},
		{"resource create A ocf:x:Missing --force", 0, ""},
		{"resource create B ocf:x:Missing --force --group G", 0, ""},
		{"constraint colocation add A with G -100", 0, ""},
		{"constraint", 0, "A with G (score:-100)"},
		{"resource group add G A", 0, ""},
		{"resource group list", 0, "G: B A"},
		{"resource config A", 0, "Resource: A (class=ocf provider=x type=Missing)"},
		{"resource delete G", 0, ""},
		{"resource", 0, "NO resources configured"},
		{"resource frobnicate", 1, ""},
		{"stonith level add 2 n1 D1 D2 --force", 0, ""},
		{"stonith level add 1 regexp%n\\d D1 --force", 0, ""},
		{"stonith level add 0 n1 D1 --force", 1, ""},
		{"stonith level add 1 error%x D1 --force", 1, ""},
		{"stonith level", 0, "Target: n1\n  Level 2 - D1,D2\nTarget (regexp): n\\d\n  Level 1 - D1\n"},
		{"stonith level delete 3", 1, ""},
		{"stonith level delete 1 target", 1, ""},
		{"stonith level verify", 1, ""},
		{"stonith level clear stonith D1 D2", 0, ""},
		{"stonith level delete 1 target regexp%n\\d stonith D1", 0, ""},
	}
	for _, step := range steps {
		var out, errs bytes.Buffer
		args := append([]string{"-f", file}, strings.Fields(step.call)...)
		if code := Run(args, nil, &out, &errs); code != step.code || !strings.Contains(out.String(), step.want) {
			t.Errorf("pcs %s: status %d, printed %q, %q", step.call, code, out.String(), errs.String())
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("constraint location A rule (#uname eq n1 and date gt 2024-01-01) or date-spec hours=1-3")
	f.Add("resource create A ocf:x:Y a=b op monitor interval=3 meta c=d clone --force")
	f.Fuzz(func(t *testing.T, line string) {
		_, words, err := parseOptions(strings.Fields(line))
		if err == nil {
			_, _, _ = lookup(words)
			_, _ = parseLocationRule(words)
			defaults := &defaultsParser{ruleParser{words: splitRule(words)}, true}
			_, _ = defaults.expression()
		}
	})
}
