package config

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestDocumentationNamesWhatIsDone: docs/vrrp.md lists what an operator can write in an instance, and in what it tracks and tells.
func TestDocumentationNamesWhatIsDone(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/vrrp.md")
	if err != nil {
		t.Fatal(err)
	}
	alwaysSo := []string{"native_ipv6", "skip_check_adv_addr", "promote_secondaries", "higher_prio_send_advert", "kernel_rx_buf_size", "debug", "notify_priority_changes"}
	for _, word := range slices.Sorted(maps.Keys(instanceKeywords)) {
		if !slices.Contains(alwaysSo, word) && !strings.Contains(string(text), "`"+word+"`") {
			t.Errorf("docs/vrrp.md does not name %s", word)
		}
	}
}
