package accesslog

import (
	"strings"
	"testing"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// TestStructuredData stands where RFC 5424 has it, and nowhere else; a host without a name is a dash.
func TestStructuredData(t *testing.T) {
	t.Parallel()
	s := New("", 7)
	defer s.Close()
	line := plane.Line{Text: []byte("text"), Data: []byte(`[id@1 a="b"]`)}
	for form, want := range map[string]string{
		"rfc5424": ` - tag 7 - [id@1 a="b"] text`, "iso": ` - tag 7 - [id@1 a="b"] text`, "rfc3164": " tag[7]: text", "raw": "text",
	} {
		if got := string(s.format(nil, &config.LogTarget{Format: form, Length: 1024}, 6, "tag", line)); !strings.HasSuffix(got, want) || form != "rfc5424" && form != "iso" && strings.Contains(got, "id@1") {
			t.Errorf("%s: %q", form, got)
		}
	}
	if got := string(s.format(nil, &config.LogTarget{Format: "rfc5424", Length: 1024}, 6, "tag", plane.Line{Text: []byte("text")})); !strings.HasSuffix(got, " - tag 7 - - text") {
		t.Errorf("without data: %q", got)
	}
}
