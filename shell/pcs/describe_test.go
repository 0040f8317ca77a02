package pcs

import (
	"bytes"
	"strings"
	"testing"

	"holdfast/cluster/executor/metadata"
)

// A fence agent's parameters that only its command line has are left out, and old names tell the new ones.
func TestFenceAgentsAreDescribedAsDevices(t *testing.T) {
	t.Parallel()
	agent := &metadata.Agent{Class: "stonith", Params: []metadata.Parameter{
		{Name: "action", LongDesc: "what to do", Required: true},
		{Name: "ip", LongDesc: "address", Required: true},
		{Name: "ipaddr", LongDesc: "address", Required: true, Deprecated: true, ReplacedBy: []string{"ip"}},
		{Name: "plug", LongDesc: "outlet", Required: true},
		{Name: "old", LongDesc: "nothing", Deprecated: true},
		{Name: "help", LongDesc: "usage"}, {Name: "version", LongDesc: "version"},
	}}
	for _, c := range []struct {
		options []string
		want    string
	}{
		{nil, "Stonith options:\n  ip (required): address\n  plug: outlet\n  pcmk_"},
		{[]string{"full"}, "Stonith options:\n  action (deprecated by pcmk_off_action, pcmk_reboot_action): what to do\n  ip (required): address\n" +
			"  ipaddr (deprecated by ip) (required): address\n  plug: outlet\n  old (deprecated): nothing\n  pcmk_"},
	} {
		var printed bytes.Buffer
		s := &session{stdout: &printed, opts: options{}}
		for _, name := range c.options {
			s.opts[name] = ""
		}
		s.describeAgent(agent, "fence_x", "Stonith options")
		if !strings.Contains(printed.String(), c.want) {
			t.Errorf("with %q: want\n%s\nin\n%s", c.options, c.want, printed.String())
		}
	}
}

func TestStatusNamesTheCallOfCrmMon(t *testing.T) {
	t.Parallel()
	printed, _, status := callOn(t, cloned, "status xml")
	if want := `request="/usr/sbin/crm_mon --one-shot --inactive --output-as xml"`; status != 0 || !strings.Contains(printed, want) {
		t.Errorf("status %d: want %s in\n%s", status, want, printed)
	}
}

func TestAgentsAreDescribedForPrograms(t *testing.T) {
	t.Parallel()
	if _, err := new(session).catalog().Describe(t.Context(), "ocf", "pacemaker", "Dummy"); err != nil {
		t.Skip("the agent ocf:pacemaker:Dummy is not installed")
	}
	call := func(words ...string) (string, int) {
		var printed bytes.Buffer
		status := Run(words, strings.NewReader(""), &printed, &printed)
		return printed.String(), status
	}
	printed, status := call("resource", "get_resource_agent_info", "ocf:pacemaker:Dummy")
	for _, want := range []string{`"name": "fake", "shortdesc": `, `"name": "trace_ra", `, `"standard": "ocf", "provider": "pacemaker", "type": "Dummy", "default_actions": [{"OCF_CHECK_LEVEL": null, `} {
		if status != 0 || !strings.Contains(printed, want) {
			t.Errorf("status %d: want %s in\n%s", status, want, printed)
		}
	}
	if _, status := call("stonith", "get_fence_agent_info", "ocf:pacemaker:Dummy"); status == 0 {
		t.Error("a resource agent was taken for a fence agent")
	}
}
