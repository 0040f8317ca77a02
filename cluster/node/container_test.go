package node

import "testing"

func TestRemoteAddressIsTakenFromPacemakersVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, port, want string }{
		{"", "", ":3121"},
		{"", "3123", ":3123"},
		{"192.0.2.9", "", "192.0.2.9:3121"},
		{"2001:db8::9", "3123", "[2001:db8::9]:3123"},
	} {
		given := map[string]string{"PCMK_remote_address": c.address, "PCMK_remote_port": c.port}
		if got := remoteAddress(func(name string) string { return given[name] }); got != c.want {
			t.Errorf("address %q, port %q: %s, want %s", c.address, c.port, got, c.want)
		}
	}
}
