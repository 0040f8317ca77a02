package guest

import (
	"context"
	"strings"
	"testing"
	"time"
)

func run(t *testing.T, g Guest) (string, error) {
	t.Helper()
	if _, _, err := Kernel(); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	return g.Run(ctx)
}

func TestAGuestRunsItsScript(t *testing.T) {
	t.Parallel()
	got, err := run(t, Guest{Script: "cat /proc/net/ip_vs | head -1\n", Modules: []string{"ip_vs"}})
	if err != nil || !strings.HasPrefix(got, "IP Virtual Server version") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAScriptThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	got, err := run(t, Guest{Script: "echo before; false\n"})
	if err == nil || got != "before\nguest ended: 1\n" {
		t.Errorf("%q, %v", got, err)
	}
}
