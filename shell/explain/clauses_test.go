package explain

import "testing"

func TestReplaceWord(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"web1 is out": "HERE is out", "not on web1": "not on HERE", "web10 and web1": "web10 and HERE", "cluster-web1 web1.example": "cluster-web1 web1.example",
		"(web1)": "(HERE)", "": "",
	} {
		if got := replaceWord(text, "web1", "HERE"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
