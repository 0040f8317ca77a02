package pcs

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const twoHosts = `totem {
    version: 2
    cluster_name: shop
    transport: knet
}

nodelist {
    node {
        ring0_addr: 127.0.0.1
        name: a
        nodeid: 1
    }

    node {
        ring0_addr: 127.0.0.2
        name: b
        nodeid: 2
    }
}

quorum {
    provider: corosync_votequorum
    two_node: 1
}
`

// onConf runs commands on a corosync.conf and returns what it became.
func onConf(t *testing.T, commands ...string) (after string, status int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corosync.conf")
	if err := os.WriteFile(path, []byte(twoHosts), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	for i, c := range commands {
		if status = Run(append([]string{"--corosync_conf", path}, strings.Fields(c)...), nil, &out, &errs); status != 0 && i < len(commands)-1 {
			t.Fatalf("%s: %s", c, errs.String())
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), status
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		commands []string
		want     []string // what stands in the file then
		gone     string
	}{
		{"a second link", []string{"cluster link add a=127.0.0.3 b=127.0.0.4 options link_priority=5"},
			[]string{"ring0_addr: 127.0.0.1\n        ring1_addr: 127.0.0.3\n", "interface {\n        knet_link_priority: 5\n        linknumber: 1\n"}, ""},
		{"its number chosen", []string{"cluster link add a=127.0.0.3 b=127.0.0.4 options linknumber=5"}, []string{"ring5_addr: 127.0.0.4"}, "interface"},
		{"changed", []string{"cluster link add a=127.0.0.3 b=127.0.0.4", "cluster link update 1 b=127.0.0.9 options mcastport=5409"}, []string{"ring1_addr: 127.0.0.9", "mcastport: 5409"}, "127.0.0.4"},
		{"an option taken away", []string{"cluster link update 0 options mcastport=5409", "cluster link update 0 options mcastport="}, nil, "interface"},
		{"removed", []string{"cluster link add a=127.0.0.3 b=127.0.0.4 options mcastport=5409", "cluster link remove 1"}, nil, "ring1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			after, status := onConf(t, c.commands...)
			if status != 0 || c.gone != "" && strings.Contains(after, c.gone) {
				t.Errorf("status %d, file\n%s", status, after)
			}
			for _, want := range c.want {
				if !strings.Contains(after, want) {
					t.Errorf("no %q in\n%s", want, after)
				}
			}
		})
	}
	for _, wrong := range []string{"cluster link add", "cluster link add a=127.0.0.3", "cluster link add a=127.0.0.3 c=127.0.0.4", "cluster link add a=127.0.0.2 b=127.0.0.4",
		"cluster link add a=127.0.0.3 b=127.0.0.4 options linknumber=0", "cluster link add a=127.0.0.3 b=127.0.0.4 options colour=red", "cluster link remove 0",
		"cluster link remove 3", "cluster link update 3 a=127.0.0.8", "cluster link update 0 options linknumber=3"} {
		if after, status := onConf(t, wrong); status == 0 || after != twoHosts {
			t.Errorf("%s: status %d, file\n%s", wrong, status, after)
		}
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"version.txt": []byte("1"), "uidgid.d/x": []byte("uidgid {\n}\n"), "cib.xml": bytes.Repeat([]byte("<cib/>"), 100)}
	var packed bytes.Buffer
	if err := writeTarball(&packed, files, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	got, err := readTarball(&packed)
	if err != nil || len(got) != len(files) {
		t.Fatalf("read %d files, %v", len(got), err)
	}
	for name, text := range files {
		if !bytes.Equal(got[name], text) {
			t.Errorf("%s came back as %q", name, got[name])
		}
	}
	for _, broken := range []string{"", "abc", "BZhxxxxx", "\x1f\x8bxxxx", strings.Repeat("x", 600)} {
		if _, err := readTarball(strings.NewReader(broken)); err == nil {
			t.Errorf("%q was read as an archive", broken)
		}
	}
}

func TestDifferingLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, want string }{
		{"x y z", "x y z", " x  y  z"},
		{"x y z", "x z", " x -y  z"},
		{"x z", "x y z", " x +y  z"},
		{"a b c d", "a c e d", " a -b  c +e  d"},
		{"", "", " "},
	} {
		got := differingLines(strings.Split(c.a, " "), strings.Split(c.b, " "))
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q and %q: %q, want %q", c.a, c.b, got, c.want)
		}
	}
	many := slices.Repeat([]string{"a"}, 5000)
	if got := changedLines(many, slices.Repeat([]string{"b"}, 5000)); len(got) != 10000 {
		t.Errorf("%d lines of two texts that differ in all of 5000", len(got))
	}
}

func TestBoothInTheCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conf := dir + "/booth.conf"
	if err := os.WriteFile(conf, []byte("site = 192.0.2.1\nsite = 192.0.2.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := " --booth-conf=" + conf + " --booth-key=" + dir + "/booth.key"
	_, after, status := on(t, twoResources, "booth create ip 192.0.2.1 --force"+files)
	for _, want := range []string{`<group id="booth-booth-group">`, `<primitive id="booth-booth-ip"`, `name="config" value="/etc/booth/booth.conf"`} {
		if status != 0 || !strings.Contains(after, want) {
			t.Errorf("status %d, no %s in\n%s", status, want, after)
		}
	}
	if _, after, status = on(t, after, "booth remove"); status != 0 || strings.Contains(after, "booth") {
		t.Errorf("remove: status %d, document\n%s", status, after)
	}
	if _, _, status = on(t, after, "booth remove"); status == 0 {
		t.Error("booth was removed twice")
	}
}

func TestEditAndVerify(t *testing.T) {
	dir := t.TempDir()
	editor := filepath.Join(dir, "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nsed -i 's/id=\"d\"/id=\"dd\"/' \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("EDITOR", editor)
	_, after, status := on(t, twoResources, "cluster edit scope=resources", "property set stonith-enabled=false", "cluster verify")
	if status != 0 || !strings.Contains(after, `id="dd"`) {
		t.Errorf("status %d, document\n%s", status, after)
	}
	if _, _, status = on(t, twoResources, "cluster edit scope=nothing"); status == 0 {
		t.Error("a section that is none was edited")
	}
	broken := strings.Replace(twoResources, `id="e"`, `id="d"`, 1)
	if _, _, status = on(t, broken, "cluster verify --full"); status == 0 {
		t.Error("two resources of one id are valid")
	}
}

func TestUidgid(t *testing.T) {
	t.Setenv("HOLDFAST_ROOT", t.TempDir())
	for _, step := range []struct {
		call   string
		status int
		want   string
	}{
		{"cluster uidgid", 0, ""},
		{"cluster uidgid add uid=ada gid=ops", 0, ""},
		{"cluster uidgid add uid=ada gid=ops", 1, ""},
		{"cluster uidgid add gid=web", 0, ""},
		{"cluster uidgid", 0, "UID/GID: uid= gid=web\nUID/GID: uid=ada gid=ops\n"},
		{"cluster uidgid remove uid=ada", 1, ""},
		{"cluster uidgid remove uid=ada gid=ops", 0, ""},
		{"cluster uidgid add uid=../x", 1, ""},
		{"cluster uidgid add name=x", 1, ""},
		{"cluster uidgid add", 1, ""},
		{"cluster uidgid", 0, "UID/GID: uid= gid=web\n"},
	} {
		var out, errs bytes.Buffer
		if status := Run(strings.Fields(step.call), nil, &out, &errs); status != step.status || out.String() != step.want {
			t.Errorf("pcs %s: status %d, printed %q, %q", step.call, status, out.String(), errs.String())
		}
	}
}
