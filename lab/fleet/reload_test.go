package fleet

import (
	"context"
	"strings"
	"testing"
)

// reloading is an agent that takes level over while it runs, and writes down what it was called for.
const reloading = `#!/bin/sh
S=/run/reloading
case $1 in
start) touch $S;; stop) rm -f $S;; monitor) [ -e $S ] || exit 7; exit 0;;
meta-data) cat <<END
<?xml version="1.0"?>
<resource-agent name="reloading" version="1"><version>1.1</version><parameters>
<parameter name="port"><content type="string"/></parameter>
<parameter name="level" reloadable="1"><content type="string"/></parameter>
</parameters><actions><action name="start" timeout="5s"/><action name="stop" timeout="5s"/><action name="monitor" timeout="5s" interval="10s"/>
<action name="meta-data" timeout="5s"/><action name="reload-agent" timeout="5s"/></actions></resource-agent>
END
exit 0;;
esac
echo "$1 port=$OCF_RESKEY_port level=$OCF_RESKEY_level" >> /var/log/reloading
`

func TestChangedParameterIsReloadedWhereTheAgentCan(t *testing.T) {
	ctx, f := startFleet(t)
	for _, h := range f.Hosts() {
		mustRun(t, f, h.Name(), reloading, "sh", "-c", "mkdir -p /usr/lib/ocf/resource.d/test && cd /usr/lib/ocf/resource.d/test && cat > reloading && chmod 755 reloading")
	}
	must(t, f.Load(ctx, "web1", configuration(false, `<primitive id="r" class="ocf" provider="test" type="reloading">
<instance_attributes id="r-i"><nvpair id="r-i-p" name="port" value="80"/><nvpair id="r-i-l" name="level" value="1"/></instance_attributes>
<operations><op id="r-m" name="monitor" interval="5s" timeout="2s"/></operations></primitive>`)))
	at := settled(t, ctx, f, "r")
	for _, set := range []struct{ name, value, called string }{
		{"level", "2", "start port=80 level=1,reload-agent port=80 level=2"},
		{"port", "81", "start port=80 level=1,reload-agent port=80 level=2,stop port=80 level=2,start port=81 level=2"},
		{"level", "3", "start port=80 level=1,reload-agent port=80 level=2,stop port=80 level=2,start port=81 level=2,reload-agent port=81 level=3"},
	} {
		mustRun(t, f, "web2", "", "crm_resource", "-r", "r", "--set-parameter", set.name, "--parameter-value", set.value)
		if now := settled(t, ctx, f, "r"); now != at {
			t.Fatalf("r moved from %s to %s", at, now)
		}
		got := strings.ReplaceAll(strings.TrimSpace(mustRun(t, f, at, "", "cat", "/var/log/reloading")), "\n", ",")
		// A stop gets the parameters that the resource was started with, or the new ones; only the order of calls counts.
		if actions(got) != actions(set.called) || !strings.HasSuffix(got, set.called[strings.LastIndex(set.called, ","):]) {
			t.Fatalf("after %s=%s the agent was called for\n%s\nwant\n%s", set.name, set.value, got, set.called)
		}
	}
}

// actions are the first words.
func actions(calls string) string {
	var words []string
	for call := range strings.SplitSeq(calls, ",") {
		word, _, _ := strings.Cut(call, " ")
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// settled waits until nothing is left to do, and returns where the resource runs.
func settled(t *testing.T, ctx context.Context, f *Fleet, resource string) string {
	t.Helper()
	must(t, f.Client("web1").Wait(ctx, ctxLeft(ctx)))
	return active(t, ctx, f, resource)
}
