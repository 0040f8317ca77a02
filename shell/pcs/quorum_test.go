package pcs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCorosyncConfBuildsUp(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "corosync.conf")
	steps := []struct {
		call string
		code int
		want string // part of the file
		not  string // not part of it
	}{
		{"cluster setup shop n1 addr=192.0.2.1 n2 addr=192.0.2.2 totem token=3000 --no-cluster-uuid", 0, "two_node: 1", "uuid"},
		{"cluster setup shop n1 addr=192.0.2.1 n2 addr=192.0.2.2", 1, "", ""},
		{"cluster setup shop n1 addr=192.0.2.1 n2 addr=192.0.2.1 --overwrite", 1, "192.0.2.2", ""},
		{"cluster setup shop n1 addr=192.0.2.1 n2 addr=192.0.2.2 totem tokken=1 --overwrite", 1, "", ""},
		{"quorum update wait_for_all=1", 0, "wait_for_all: 1", ""},
		{"quorum update wait_for_all=maybe", 1, "wait_for_all: 1", ""},
		{"quorum device add model net host=192.0.2.3", 1, "two_node: 1", "device"},
		{"quorum device add timeout=3000 model net host=192.0.2.3 algorithm=ffsplit", 0, "        timeout: 3000\n        model: net\n        votes: 1\n", "two_node"},
		{"quorum device add model net host=192.0.2.3 algorithm=ffsplit", 1, "", ""},
		{"quorum device update model algorithm=lms heuristics mode=on", 0, "heuristics {\n            mode: on", "votes"},
		{"quorum device heuristics remove", 0, "algorithm: lms", "heuristics"},
		{"quorum device remove", 0, "two_node: 1", "device"},
		{"quorum device remove", 1, "", ""},
	}
	for _, step := range steps {
		var out, errs bytes.Buffer
		code := Run(append([]string{"--corosync_conf", file}, strings.Fields(step.call)...), nil, &out, &errs)
		text, _ := os.ReadFile(file)
		if code != step.code || !strings.Contains(string(text), step.want) || step.not != "" && strings.Contains(string(text), step.not) {
			t.Errorf("pcs %s: status %d, said %q, file:\n%s", step.call, code, errs.String(), text)
		}
	}
}

func FuzzConf(f *testing.F) {
	f.Add("totem {\n  version: 2\n  interface {\n    linknumber: 0\n  }\n}\n")
	f.Add("quorum {\n")
	f.Fuzz(func(t *testing.T, text string) {
		conf, err := parseConf("corosync.conf", text)
		if err != nil {
			return
		}
		again, err := parseConf("corosync.conf", conf.String())
		if err != nil || again.String() != conf.String() {
			t.Errorf("written as %q, read as %v, %v", conf, again, err)
		}
	})
}
