package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const soundConfiguration = `totem {
    version: 2
    cluster_name: shop
}
nodelist {
    node {
        ring0_addr: 127.0.0.1
        name: here
        nodeid: 1
    }
}
quorum {
    provider: corosync_votequorum
}
`

func TestCheckNamesFileAndLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, old, new string
		want           []string // parts of what is printed or returned
		fails          bool
	}{
		{name: "sound"},
		{name: "unknown key", old: "    version: 2\n", new: "    version: 2\n    colour: blue\n", want: []string{":3: ", "totem.colour"}},
		{name: "wrong value", old: "nodeid: 1", new: "nodeid: one", want: []string{":9: ", `"one"`}, fails: true},
		{name: "no brace", old: "quorum {\n", new: "quorum\n", want: []string{":12: "}, fails: true},
		{name: "another host", old: "127.0.0.1", new: "192.0.2.77", want: []string{"no node has an address"}, fails: true},
		{name: "id twice", old: "nodelist {\n", new: "nodelist {\n    node {\n        ring0_addr: 192.0.2.1\n        nodeid: 1\n    }\n", want: []string{"nodeid 1 is that of the node in line 6"}, fails: true},
	} {
		path := filepath.Join(t.TempDir(), "corosync.conf")
		text := strings.Replace(soundConfiguration, c.old, c.new, 1)
		for file, content := range map[string]string{path: text, filepath.Join(filepath.Dir(path), "authkey"): strings.Repeat("k", 128)} {
			if err := os.WriteFile(file, []byte(content), 0o400); err != nil {
				t.Fatal(err)
			}
		}
		var out strings.Builder
		cmd := command()
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs([]string{"--check", "--config", path})
		err := cmd.Execute()
		if (err != nil) != c.fails {
			t.Errorf("%s: %v\n%s", c.name, err, out.String())
		}
		said := out.String()
		if err != nil {
			said += err.Error()
		}
		for _, want := range c.want {
			if !strings.Contains(said, want) || !strings.Contains(said, path) {
				t.Errorf("%s: want %q and %s in\n%s", c.name, want, path, said)
			}
		}
	}
}
