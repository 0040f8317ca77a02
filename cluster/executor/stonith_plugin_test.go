package executor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plugin is a stonith plugin that writes down how it was called.
const plugin = `#!/bin/sh
echo "$@ hostlist=$hostlist password=$password pcmk_delay_base=$pcmk_delay_base" >> "$log"
case $1 in
gethosts) echo "$hostlist" | tr ' ' '\n';;
status|on|off|reset) [ "$2" != broken ];;
getinfo-devid) echo 'A <test> device';;
getinfo-xml) echo '<parameters><parameter name="hostlist" required="1"><content type="string"/></parameter></parameters>';;
*) exit 1;;
esac
`

func TestStonithPluginsAreCalledTheirOwnWay(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, "exit 0")
	path := filepath.Join(e.config.Root, "usr/lib/stonith/plugins/external/try")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(plugin), 0o755); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(e.config.Root, "log")
	call := func(action, host string) Result {
		return e.FenceAgent(context.Background(), FenceCall{Device: "power", Agent: "external/try", Action: action, Params: map[string]string{
			"hostlist": "web1 web2", "password": "hunter2", "log": log, "pcmk_delay_base": "5", "port": host, "nodename": host,
		}})
	}
	for _, c := range []struct {
		action, host string
		code         int
		called       string
	}{
		{"monitor", "", 0, "status"}, {"list", "", 0, "gethosts"}, {"off", "web1", 0, "off web1"},
		{"reboot", "web2", 0, "reset web2"}, {"on", "web2", 0, "on web2"}, {"off", "broken", 1, "off broken"},
	} {
		if got := call(c.action, c.host); got.Code != c.code || got.Status != Done {
			t.Errorf("%s: %+v", c.action, got)
		}
		text, err := os.ReadFile(log)
		if want := c.called + " hostlist=web1 web2 password=hunter2 pcmk_delay_base=\n"; err != nil || string(text) != want {
			t.Errorf("%s: the plugin was called as %q, %v; want %q", c.action, text, err, want)
		}
		os.Remove(log)
	}
	if got := call("list", ""); got.Output != "web1\nweb2\n" {
		t.Errorf("list printed %q", got.Output)
	}
	described, err := e.agents.Describe(context.Background(), "stonith", "", "external/try")
	if err != nil || len(described.Actions) == 0 {
		t.Fatalf("described %+v, %v", described, err)
	}
	if _, ok := described.Param("hostlist"); !ok {
		t.Errorf("no parameter hostlist in %+v", described)
	}
	got := e.FenceAgent(context.Background(), FenceCall{Device: "power", Agent: "external/absent", Action: "off"})
	if got.Status != NotInstalled || !strings.Contains(got.Reason, "plugins/external/absent") {
		t.Errorf("a plugin that is not there: %+v", got)
	}
}
