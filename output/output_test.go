package output_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"holdfast/output"
)

func TestPrint(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":              "two words\n",
		"-o text":       "two words\n",
		"-o json":       "[\n  \"two\",\n  \"words\"\n]\n",
		"--output=json": "[\n  \"two\",\n  \"words\"\n]\n",
		"-o xml":        `invalid argument "xml" for "-o, --output" flag: expected text or json`,
	} {
		var format output.Format
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		output.Add(flags, &format, "")
		var out strings.Builder
		data := []string{"two", "words"}
		err := flags.Parse(strings.Fields(args))
		if err == nil {
			err = format.Print(&out, data, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, strings.Join(data, " "))
				return err
			})
		}
		got := out.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}
