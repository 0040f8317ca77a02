package agents

import (
	"bytes"
	"strings"
	"testing"
)

// TestBooleanWords: what a parameter may say is read the same way everywhere, and what is no answer leaves the default.
func TestBooleanWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[string][2]bool{ // by default false, by default true
		"": {false, true}, "perhaps": {false, true},
		"true": {true, true}, "Yes": {true, true}, "ON": {true, true}, "1": {true, true},
		"false": {false, false}, "No": {false, false}, "OFF": {false, false}, "0": {false, false},
	} {
		c := Call{Getenv: func(string) string { return word }}
		if got := [2]bool{c.boolean("x", false), c.boolean("x", true)}; got != want {
			t.Errorf("%q is %v, want %v", word, got, want)
		}
	}
}

// TestWrongParametersAreNamed: the cluster shows the parameter, what it says, and what it may say.
func TestWrongParametersAreNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		agent, action string
		parameters    map[string]string
		status        int
		want          string
	}{
		"no address":    {"ip", "validate-all", nil, badConfigured, `parameter ip of x is "": want an IPv4 or IPv6 address`},
		"half a prefix": {"ip", "validate-all", map[string]string{"ip": "10.0.0.5/24"}, badConfigured, `parameter ip of x is "10.0.0.5/24"`},
		"long prefix":   {"ip", "start", map[string]string{"ip": "10.0.0.5", "cidr_netmask": "99"}, badConfigured, `parameter cidr_netmask of x is "99": want 1 to 32`},
		"perhaps":       {"ip", "start", map[string]string{"ip": "10.0.0.5", "watch_link": "maybe"}, badConfigured, `parameter watch_link of x is "maybe": want true or false`},
		"No":            {"ip", "validate-all", map[string]string{"ip": "10.0.0.5", "watch_link": "No"}, success, ""},
		"no way":        {"route", "validate-all", map[string]string{"destination": "192.0.2.0/24"}, badConfigured, "x has neither device nor gateway"},
		"two versions":  {"route", "start", map[string]string{"destination": "192.0.2.0/24", "gateway": "2001:db8::1"}, badConfigured, `parameter gateway of x is "2001:db8::1": want an address of the same`},
		"no file":       {"director", "validate-all", nil, badConfigured, `parameter configfile of x is "": want the path of a file`},
		"no plane":      {"director", "validate-all", map[string]string{"configfile": "/dev/null", "plane": "warp"}, badConfigured, `parameter plane of x is "warp": want auto or one of`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			c := Call{Path: "/x/resource.d/holdfast/" + test.agent, Action: test.action, Stderr: &stderr, Stdout: &stderr, Getenv: func(key string) string {
				if key == "OCF_RESOURCE_INSTANCE" {
					return "x"
				}
				return test.parameters[strings.TrimPrefix(key, "OCF_RESKEY_")]
			}}
			status := all[test.agent].run(c)
			want := ""
			if test.want != "" {
				want = "ocf-exit-reason:" + test.want
			}
			if status != test.status || !strings.HasPrefix(stderr.String(), want) {
				t.Errorf("status %d, %q; want %d, %q", status, stderr.String(), test.status, want)
			}
		})
	}
}
