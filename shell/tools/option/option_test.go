package option

import (
	"fmt"
	"strings"
	"testing"
)

var specs = []Spec{
	{Long: "query", Short: 'Q'},
	{Long: "scope", Short: 'o', Arg: Required},
	{Long: "show-access", Short: 'S', Arg: Optional},
	{Long: "sync-call", Short: 's'},
	{Long: "show"},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"-Q -o resources", "[{query } {scope resources}] []"},
		{"-Qoresources x", "[{query } {scope resources}] [x]"},
		{"--scope=a --scope b", "[{scope a} {scope b}] []"},
		{"--sc a --q", "[{scope a} {query }] []"},
		{"--show-access=color --show-access -Stext", "[{show-access color} {show-access } {show-access text}] []"},
		{"--show", "[{show }] []"},
		{"-Q -- -o", "[{query }] [-o]"},
		{"-", "[] [-]"},
		{"--s", "option --s is not clear"},
		{"--nope", "unknown option --nope"},
		{"-Qx", "unknown option -x"},
		{"-o", "needs a value"},
		{"--query=1", "takes no value"},
	} {
		line, err := Parse(specs, strings.Fields(c.args))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(line.Options, line.Words)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.args, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-Q\x00--scope\x00x")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Parse(specs, strings.Split(text, "\x00")) })
}
