package crm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/golden"
)

// noAgents is a host without agents: nothing is known of any.
type noAgents struct{}

func (noAgents) provider(agent string) string {
	if agent == "ping" {
		return "pacemaker"
	}
	return "heartbeat"
}

func (noAgents) describe(class, provider, kind string) (*agentInfo, error) {
	switch kind {
	case "gone":
		return nil, fmt.Errorf("%s is %w", agentName(class, provider, kind), metadata.ErrNotInstalled)
	case "fence_known":
		return &agentInfo{params: map[string]bool{"ip": true}}, nil
	}
	if kind != "IPaddr2" && kind != "Dummy" {
		return nil, fmt.Errorf("%s: no such agent", agentName(class, provider, kind))
	}
	info := &agentInfo{params: map[string]bool{"ip": kind == "IPaddr2", "cidr_netmask": false, "fake": false}, unique: map[string]bool{"ip": true}, about: map[string]string{},
		actions: map[string]map[string]string{"monitor": {"timeout": "20s", "interval": "10s"}, "start": {"timeout": "20s"}}}
	return info, nil
}

func (noAgents) list(string, string) []string { return []string{"Dummy", "IPaddr2"} }
func (noAgents) providers() []string          { return []string{"heartbeat", "pacemaker"} }

// shell runs a script on the document in file and returns what it said.
func shell(t *testing.T, file, script string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, problems strings.Builder
	in := strings.NewReader(script)
	env := func(name string) string {
		switch name {
		case "CIB_file":
			return file
		case "CIB_shadow_dir":
			return filepath.Dir(file)
		}
		return ""
	}
	s := newSession(in, &out, &problems, env)
	s.agents = noAgents{}
	status = s.main(args)
	return out.String(), problems.String(), status
}

// section cuts text at lines of dashes.
func sections(text string) []string { return strings.Split(text, "\n----\n") }

// TestGolden runs each script of testdata/configure: the operator's text, a line of dashes,
// what the shell said, another such line, and the configuration that was left.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden.Files(t, "testdata/*/*.txt", func(t *testing.T, _, text string) string {
		script := sections(text)[0]
		path := filepath.Join(t.TempDir(), "cib.xml")
		doc := cib.New()
		doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "1", "uname", "alpha"))
		doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", "2", "uname", "beta"))
		if err := os.WriteFile(path, doc.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, _ := shell(t, path, script)
		left, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		after, err := cib.Parse(path, left)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join([]string{script, stdout + stderr, after.Configuration().String()}, "\n----\n")
	})
}

// TestListings loads the configurations of published clusters.
func TestListings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mail-cluster/cluster-santnet-4node-extern.conf", "mail-cluster/cluster-santnet-pgsql-new.conf",
		"mariadb-haproxy/mariadb.crm"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("..", "..", "..", "shared", "listings", name)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Skipf("the listings are not here: %v", err)
			}
			path := filepath.Join(t.TempDir(), "cib.xml")
			if _, stderr, status := shell(t, path, string(text), "configure", "load", "update", "-"); status != 0 {
				t.Fatalf("load update: status %d: %s", status, stderr)
			}
			shown, _, _ := shell(t, path, "", "configure", "show")
			if !strings.Contains(shown, "primitive ") || strings.Contains(shown, "xml <") {
				t.Errorf("show after loading %s:\n%s", name, shown)
			}
		})
	}
}
