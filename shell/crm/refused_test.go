package crm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Calls that crmsh 4.4.1 was seen to refuse or to accept, one after another on one document; a word with blanks is one
// argument.
func TestRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "configure\nnode n\nproperty stonith-enabled=false\nprimitive a Dummy op monitor interval=10s\nprimitive b Dummy\nclone c b meta promotable=true\ncommit\n"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	configure := func(words ...string) []string { return append([]string{"configure"}, words...) }
	for _, c := range []struct {
		args    []string
		refused bool
		leaves  string // in the document
	}{
		// An agent that is not there, of whatever class; parameters that a fence agent does not take.
		{configure("primitive", "x", "systemd:gone"), true, ""},
		{configure("primitive", "x", "lsb:gone"), true, ""},
		{configure("primitive", "x", "stonith:gone"), true, ""},
		{configure("rsc_template", "x", "stonith:gone"), true, ""},
		{configure("primitive", "x", "stonith:fence_known", "bogus=1"), true, ""},
		{configure("primitive", "f1", "stonith:fence_known", "pcmk_host_list=n"), false, `type="fence_known"`},
		{configure("primitive", "f2", "stonith:ssh", "hostlist=n"), false, `type="ssh"`},
		// A value that the agent wants to be unique, with what a template gives.
		{configure("primitive", "i1", "IPaddr2", "ip=10.0.0.1"), false, `value="10.0.0.1"`},
		{configure("primitive", "i2", "IPaddr2", "ip=10.0.0.1"), true, ""},
		{configure("rsc_template", "it", "IPaddr2", "ip=10.0.0.1"), false, `<template id="it"`},
		{configure("primitive", "i2", "@it"), true, ""},
		{[]string{"-F", "configure", "primitive", "i3", "IPaddr2", "ip=10.0.0.1"}, false, `id="i3"`},
		{configure("property", "batch-limit=3"), false, `value="3"`},
		// Quotes and backslashes inside an argument count, those of one with blanks do not.
		{configure("primitive", "q", "Dummy", "fake=it's"), true, ""},
		{configure("primitive", "q", "Dummy", "fake=it's a"), false, `it&apos;s a`},
		{configure("primitive", "q2", "Dummy", `fake=x\y`, ""), false, `value="xy"`},
		{configure("primitive", "äö", "Dummy"), true, ""},
		{configure("property"), true, ""},
		{configure("rsc_defaults"), true, ""},
		{configure("rsc_ticket", "t", "T:", "a", "loss-policy=fence"), true, ""},
		{configure("location", "l", "c", "rule", "role=master", "5:", "#uname", "eq", "n"), false, `role="master"`},
		{configure("location", "l2", "c", "rule", "role=Bogus", "5:", "#uname", "eq", "n"), true, ""},
		{configure("set", "a.monitor.interval", "12s"), false, `interval="12s"`},
		{configure("set", "a.monitor.timeout", "12s"), true, ""},
		{configure("monitor", "b", "abc"), false, `interval="abc"`},
		{configure("delete"), false, ""},
		{configure("show", "z*"), true, ""},
		{configure("show", "related:ocf:heartbeat:Dummy"), false, ""},
		{configure("load", "nosuch"), true, ""},
		{configure("alert", "al", "/x", "select", "nodes", "attributes", "x=y"), false, `name="x" value="y"`},
		{[]string{"resource", "maintenance", "a", "TRUE"}, false, `name="maintenance" value="true"`},
		{[]string{"resource", "show", "a"}, false, ""},
	} {
		before, _ := os.ReadFile(file)
		_, stderr, status := shell(t, file, "", c.args...)
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if refused := status != 0; refused != c.refused {
			t.Errorf("%q: status %d; %s", c.args, status, stderr)
		}
		text := strings.ReplaceAll(string(after), "'", "&apos;")
		if c.refused && string(before) != string(after) || !strings.Contains(text, c.leaves) {
			t.Errorf("%q: leaves %s", c.args, after)
		}
	}
}

// A resource's meta attributes are those of what it is in, and the defaults, too.
func TestMetaAttributesThatAreInherited(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "configure\nnode n\nproperty stonith-enabled=false\nprimitive b Dummy\nclone c b meta interleave=true\nrsc_defaults priority=3\ncommit\n"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for name, want := range map[string]string{"interleave": "true\n", "priority": "3\n", "target-role": ""} {
		if stdout, _, _ := shell(t, file, "", "resource", "meta", "b", "show", name); stdout != want {
			t.Errorf("%s: %q, want %q", name, stdout, want)
		}
	}
}

// What trace makes comes before the operations that there are.
func TestTraceOfAllPutsNewOperationsFirst(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "configure\nnode n\nproperty stonith-enabled=false\nprimitive b Dummy op monitor interval=10s\ncommit\ncd /resource\ntrace b\n"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	stdout, _, _ := shell(t, file, "", "configure", "show", "b")
	if start, stop, monitor := strings.Index(stdout, "op start"), strings.Index(stdout, "op stop"), strings.Index(stdout, "op monitor"); !(0 < start && start < stop && stop < monitor) {
		t.Errorf("operations are in another order:\n%s", stdout)
	}
}

// Without a terminal no editor is started: it would wait for a person for ever.
func TestEditWithoutTerminal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "configure\nproperty stonith-enabled=false\nprimitive a Dummy\ncommit\n"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	before, _ := os.ReadFile(file)
	for _, args := range [][]string{{"configure", "edit"}, {"configure", "edit", "a"}, {"configure", "edit", "xml"}} {
		if _, stderr, status := shell(t, file, "", args...); status == 0 || !strings.Contains(stderr, "no terminal") {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
	}
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Errorf("it left %s", after)
	}
}

// Scripts delete a shadow copy that an earlier run may have left: that there is none is told, and no failure.
func TestDeleteOfUnknownShadowCopy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "", "cib", "delete", "nosuch"); status != 0 || !strings.Contains(stderr, "there is no shadow copy nosuch") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// What is against the schema is refused even where there is nothing to run yet.
func TestConstraintOnNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "", "configure", "location", "l", "nosuch", "5:", "alpha"); status == 0 || !strings.Contains(stderr, "nosuch") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
