package source

import (
	"slices"
	"testing"
)

func TestHistoryKeepsNoPasswords(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ typed, kept []string }{
		{[]string{"stonith", "create", "f", "fence_x", "ip=1.2.3.4", "passwd=hunter2"}, []string{"stonith", "create", "f", "fence_x", "ip=1.2.3.4", "passwd=…"}},
		{[]string{"host", "auth", "-u", "hacluster", "-p", "hunter2"}, []string{"host", "auth", "-u", "hacluster", "-p", "…"}},
		{[]string{"configure", "primitive", "f", "params", "Password=hunter2", "login=x"}, []string{"configure", "primitive", "f", "params", "Password=…", "login=x"}},
	} {
		if got := WithoutSecrets(test.typed); !slices.Equal(got, test.kept) {
			t.Errorf("%q: kept %q, want %q", test.typed, got, test.kept)
		}
	}
}
