package metadata

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sample = `agent: debug line on stdout
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="web" version="2.0">
<version>1.1</version>
<longdesc lang="de">Netzdienst</longdesc>
<longdesc lang="en">
Serves &lt;pages&gt; &copy; &unknown;

Second paragraph.
</longdesc>
<shortdesc lang="en">A web
  server</shortdesc>
<parameters>
<parameter name="port" unique="1" required="true" reloadable="1">
<longdesc lang="en">Where to listen</longdesc>
<shortdesc lang="en">Port</shortdesc>
<content type="integer" default="80" />
</parameter>
<parameter name="ip" unique-group="address">
<content default=""/>
</parameter>
<parameter name="old">
<deprecated><replaced-with name="port"/><desc>no more</desc></deprecated>
<shortdesc>Old one</shortdesc><content type="string"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="20s" />
<action name="monitor" timeout="20" interval="10s" depth="10" role="Promoted" start-delay="5s"/>
<action name="on" on_target="1" automatic="1"/>
</actions>
</resource-agent>
trailing noise <b>`

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := &Agent{
		Name: "web", Version: "2.0", OCF: "1.1", ShortDesc: "A web server",
		LongDesc: "Serves <pages> © &unknown;\n\nSecond paragraph.",
		Params: []Parameter{
			{Name: "port", ShortDesc: "Port", LongDesc: "Where to listen", Type: "integer", Default: "80", HasDefault: true, Required: true, Unique: true, Reloadable: true},
			{Name: "ip", Type: "string", HasDefault: true, UniqueGroup: "address"},
			{Name: "old", ShortDesc: "Old one", Type: "string", Deprecated: true, ReplacedBy: []string{"port"}},
		},
		Actions: []Action{
			{Name: "start", Timeout: "20s"},
			{Name: "monitor", Timeout: "20", Interval: "10s", Depth: "10", Role: "Promoted", StartDelay: "5s"},
			{Name: "on", OnTarget: true, Automatic: true},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
}

func TestParseTakesWhatIsThere(t *testing.T) {
	t.Parallel()
	cut := sample[:strings.Index(sample, "<action name=\"monitor\"")]
	for name, text := range map[string]string{
		"cut off":     cut,
		"unescaped &": strings.Replace(sample, "Where to listen", "this & that <br> there", 1),
		"wrong tags":  strings.Replace(sample, "</shortdesc>\n<content", "</b>\n<content", 1),
	} {
		got, _ := Parse([]byte(text))
		if got == nil || len(got.Params) < 3 || !got.Supports("start") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if _, err := Parse([]byte("command not found")); !errors.Is(err, ErrNoMetadata) {
		t.Errorf("no meta-data at all: %v", err)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"20": 20 * time.Second, "20s": 20 * time.Second, "300ms": 300 * time.Millisecond, " 5 min ": 5 * time.Minute, "1h": time.Hour, "0": 0, "PT5M": 5 * time.Minute,
	} {
		if got, ok := Duration(text); !ok || got != want {
			t.Errorf("Duration(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "s", "-1s", "5 fortnights", "99999999999999999999"} {
		if got, ok := Duration(text); ok {
			t.Errorf("Duration(%q) = %v, want a refusal", text, got)
		}
	}
}

// newRoot makes a root with agents of each class.
func newRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"usr/lib/ocf/resource.d/test/web": "#!/bin/sh\necho asked >>\"$0.count\"\ncat <<'END'\n" + sample + "\nEND\n",
		"usr/lib/ocf/resource.d/test/bad": "#!/bin/sh\necho nothing to see\n",
		"etc/init.d/oldd": "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: oldd\n# Short-Description: Old daemon\n" +
			"# Description: First line\n#  second line\n### END INIT INFO\n",
		"lib/systemd/system/newd.service": "[Unit]\nDescription=New daemon\n",
		"usr/sbin/fence_try":              "#!/bin/sh\nread a; [ \"$a\" = action=metadata ] && echo '<resource-agent name=\"fence_try\" shortdesc=\"Tries\"><parameters><parameter name=\"ip\" obsoletes=\"ipaddr\"/><parameter name=\"ipaddr\" deprecated=\"1\"/></parameters></resource-agent>'\n",
	} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestStoreAsksOnceForEachStateOfAnAgent(t *testing.T) {
	t.Parallel()
	root, ctx := newRoot(t), context.Background()
	agent := filepath.Join(root, "usr/lib/ocf/resource.d/test/web")
	asked := func() int {
		text, _ := os.ReadFile(agent + ".count")
		return strings.Count(string(text), "asked")
	}
	store := NewStore(root)
	store.cache = filepath.Join(root, "cache")
	describe := func(s *Store, times int) {
		t.Helper()
		got, err := s.Describe(ctx, "ocf", "test", "web")
		if err != nil || got.Title() != "ocf:test:web" || len(got.Params) != 3 {
			t.Fatalf("described %+v, %v", got, err)
		}
		if asked() != times {
			t.Errorf("the agent was asked %d times, want %d", asked(), times)
		}
	}
	describe(store, 1)
	describe(store, 1)
	later := NewStore(root)
	later.cache = store.cache
	describe(later, 1)
	changed := time.Now().Add(time.Hour)
	if err := os.Chtimes(agent, changed, changed); err != nil {
		t.Fatal(err)
	}
	describe(later, 2)
}

func TestStoreDescribesEveryClass(t *testing.T) {
	t.Parallel()
	store, ctx := NewStore(newRoot(t)), context.Background()
	for _, c := range []struct{ class, name, short, long string }{
		{"lsb", "oldd", "Old daemon", "First line\nsecond line"},
		{"systemd", "newd", "systemd unit file for newd", "New daemon"},
		{"service", "newd", "systemd unit file for newd", "New daemon"},
		{"service", "oldd", "Old daemon", "First line\nsecond line"},
		{"stonith", "fence_try", "Tries", ""},
	} {
		got, err := store.Describe(ctx, c.class, "", c.name)
		if err != nil || got.ShortDesc != c.short || got.LongDesc != c.long {
			t.Errorf("%s:%s: %+v, %v", c.class, c.name, got, err)
			continue
		}
		again, err := Parse(got.XML())
		if err != nil || again.ShortDesc != got.ShortDesc || again.LongDesc != got.LongDesc || len(again.Actions) != len(got.Actions) {
			t.Errorf("%s:%s: its XML is read as %+v, %v", c.class, c.name, again, err)
		}
	}
	fence, _ := store.Describe(ctx, "stonith", "", "fence_try")
	if old, _ := fence.Param("ipaddr"); !cmp.Equal(old.ReplacedBy, []string{"ip"}) {
		t.Errorf("the deprecated parameter is replaced by %q, want ip", old.ReplacedBy)
	}
}

func TestStoreLists(t *testing.T) {
	t.Parallel()
	store := NewStore(newRoot(t))
	for name, c := range map[string]struct{ got, want []string }{
		"providers":        {store.Providers(""), []string{"test"}},
		"providers of web": {store.Providers("web"), []string{"test"}},
		"providers of x":   {store.Providers("x"), nil},
		"ocf":              {store.Types("ocf", "test"), []string{"bad", "web"}},
		"lsb":              {store.Types("lsb", ""), []string{"oldd"}},
		"service":          {store.Types("service", ""), []string{"newd", "oldd"}},
		"systemd":          {store.Types("systemd", ""), []string{"newd"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestStoreFailures(t *testing.T) {
	t.Parallel()
	store, ctx := NewStore(newRoot(t)), context.Background()
	for _, c := range []struct{ class, provider, name, want string }{
		{"ocf", "test", "absent", "agent ocf:test:absent is not installed: no file "},
		{"ocf", "test", "bad", "no <resource-agent> element"},
		{"ocf", "..", "x", "no agent's name"},
		{"ocf", "test", "../web", "no agent's name"},
		{"upstart", "", "x", `unknown class "upstart"; known are ocf, lsb, systemd, service, stonith`},
	} {
		if _, err := store.Describe(ctx, c.class, c.provider, c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:%s:%s: error %v, want %q", c.class, c.provider, c.name, err, c.want)
		}
	}
}

func TestInstalledAgentsDescribeThemselves(t *testing.T) {
	t.Parallel()
	store := NewStore("/")
	store.cache = t.TempDir()
	var names []Name
	for _, p := range store.Providers("") {
		for _, name := range store.Types("ocf", p) {
			names = append(names, Name{"ocf", p, name})
		}
	}
	if len(names) == 0 {
		t.Skip("no OCF agent in " + OCFRoot("/") + "; install the package resource-agents")
	}
	for i, agent := range store.DescribeAll(context.Background(), names) {
		switch name := names[i]; {
		case agent == nil:
			_, err := store.Describe(context.Background(), name.Class, name.Provider, name.Type)
			t.Errorf("%v: %v", name, err)
		case agent.ShortDesc == "" || len(agent.Actions) == 0:
			t.Errorf("%s: description %q, %d actions", agent.Title(), agent.ShortDesc, len(agent.Actions))
		default:
			for _, action := range agent.Actions {
				if _, ok := Duration(action.Timeout); !ok && action.Timeout != "" {
					t.Errorf("%s: timeout %q of %s is not understood", agent.Title(), action.Timeout, action.Name)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("<resource-agent><parameter><content><parameter></resource-agent>"))
	f.Add([]byte("<resource-agent name=x version='<><action"))
	f.Fuzz(func(t *testing.T, text []byte) {
		agent, err := Parse(text)
		if agent == nil && err == nil {
			t.Error("neither an agent nor an error")
		}
		if agent != nil {
			if _, err := Parse(agent.XML()); err != nil {
				t.Errorf("its own XML is not understood: %v\n%s", err, agent.XML())
			}
		}
	})
}

func TestInstalledFenceAgentsDescribeThemselves(t *testing.T) {
	t.Parallel()
	store := NewStore("/")
	store.cache = t.TempDir()
	var names []Name
	for _, name := range store.Types("stonith", "") {
		switch name {
		case "fence_ack_manual", "fence_legacy", "fence_kdump_send", "fence_virtd":
			continue // these ask an operator, or wrap other agents, or are no agents
		}
		names = append(names, Name{"stonith", "", name})
	}
	if len(names) == 0 {
		t.Skip("no fence agent in /usr/sbin; install the package fence-agents")
	}
	if testing.Short() {
		names = names[:min(3, len(names))] // each is a Python program that takes a third of a second to start
	}
	described := 0
	for i, agent := range store.DescribeAll(context.Background(), names) {
		if agent == nil {
			_, err := store.Describe(context.Background(), "stonith", "", names[i].Type)
			t.Logf("%s: %v", names[i].Type, err)
			continue
		}
		described++
		if len(agent.Params) == 0 || len(agent.Actions) == 0 {
			t.Errorf("%s: %d parameters, %d actions", agent.Title(), len(agent.Params), len(agent.Actions))
		}
	}
	if described < len(names)*9/10 {
		t.Errorf("only %d of %d fence agents described themselves", described, len(names))
	}
}

// The connection to a remote node is the daemon's own work: it is known where no file describes it.
func TestRemoteConnectionNeedsNoFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "usr/lib/ocf/resource.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	store := NewStore(root)
	agent, err := store.Describe(context.Background(), "ocf", "pacemaker", "remote")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := store.Raw(context.Background(), "ocf", "pacemaker", "remote")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "port", "reconnect_interval"} {
		if !strings.Contains(string(raw), `<parameter name="`+name+`"`) {
			t.Errorf("no parameter %s in what is said of %s:\n%s", name, agent.Title(), raw)
		}
	}
}
