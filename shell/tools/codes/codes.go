// Package codes is crm_error: it names the result codes that Pacemaker's programs and
// libraries use. Scripts look them up, so numbers, names and texts are theirs.
package codes

import (
	_ "embed" // for the tables
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

// Each table has a line for each code: number, name, text.
var (
	//go:embed errno.txt
	errnoTable string
	//go:embed legacy.txt
	legacyTable string
	//go:embed result.txt
	resultTable string
	//go:embed exit.txt
	exitTable string
)

type code struct {
	number     int
	name, text string
}

// table is one family of codes.
type table struct {
	codes   []code
	unknown func(number int) code
}

func read(texts ...string) []code {
	var codes []code
	for _, text := range texts {
		for line := range strings.Lines(text) {
			fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
			number, err := strconv.Atoi(fields[0])
			if err == nil && len(fields) == 3 {
				codes = append(codes, code{number, fields[1], fields[2]})
			}
		}
	}
	return codes
}

func unknownErrno(name string) func(int) code {
	return func(number int) code {
		if number < 0 {
			return code{number, name, "Error"}
		}
		return code{number, name, "Unknown error " + strconv.Itoa(number)}
	}
}

func pick(line *option.Line) table {
	switch {
	case line.Has("exit"):
		return table{read(exitTable), func(number int) code {
			if number >= 128 && number < 256 && syscall.Signal(number-128) > 0 {
				return code{number, "CRM_EX_UNKNOWN", "Interrupted by signal"}
			}
			return code{number, "CRM_EX_UNKNOWN", "Unknown exit status"}
		}}
	case line.Has("rc"):
		return table{read(resultTable, errnoTable), unknownErrno("Unknown")}
	}
	errnos := table{codes: read(errnoTable, legacyTable)}
	errnos.unknown = func(number int) code {
		if i := slices.IndexFunc(errnos.codes, func(c code) bool { return c.number == -number }); i >= 0 {
			return errnos.codes[i] // functions return errors as negative numbers
		}
		return unknownErrno("Unknown")(number)
	}
	return errnos
}

func (t table) find(number int) code {
	if i := slices.IndexFunc(t.codes, func(c code) bool { return c.number == number }); i >= 0 {
		return t.codes[i]
	}
	return t.unknown(number)
}

// leading is the number that a word begins with.
var leading = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*[-+]?\d+`) })

// named returns the code for a word: of the number that it begins with, else some error.
func (t table) named(word string) code {
	number, err := strconv.Atoi(strings.TrimSpace(leading().FindString(word)))
	if err == nil {
		return t.find(number)
	}
	if c := t.unknown(math.MinInt32); c.name == "CRM_EX_UNKNOWN" {
		return c
	}
	return code{math.MinInt32, "Unknown", "Error"}
}

// ExitText says what an exit status of Pacemaker's tools means.
func ExitText(status int) string { return table{read(exitTable), unknownErrno("")}.find(status).text }

var specs = []option.Spec{
	{Long: "name", Short: 'n', Help: "show the code's name, too"},
	{Long: "list", Short: 'l', Help: "list all codes"},
	{Long: "exit", Short: 'X', Help: "the numbers are exit statuses of programs"},
	{Long: "rc", Short: 'r', Help: "the numbers are results of library functions"},
	{Long: "output-as", Arg: option.Required, Value: "FORMAT", Help: "text (default) or xml"},
	{Long: "output-to", Arg: option.Required, Value: "FILE", Help: "write there instead of to standard output"},
	{Long: "verbose", Short: 'V', Help: "accepted"},
	{Long: "version", Short: '$', Help: "print the version"},
	{Long: "help", Short: '?', Help: "print this"},
}

// CRMError is crm_error.
func CRMError(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	line, err := option.Parse(specs, args)
	if err != nil {
		fmt.Fprintf(stderr, "crm_error: %v\n", err)
		return exit.Usage
	}
	format := line.Get("output-as")
	switch {
	case line.Has("help"):
		option.Usage(stdout, "crm_error", "say what a result code means", specs, "crm_error --exit 105", "crm_error --list --name")
		return exit.OK
	case line.Has("version"):
		fmt.Fprintln(stdout, "Pacemaker 2.1.5\nHoldfast's crm_error")
		return exit.OK
	case format != "" && format != "text" && format != "xml":
		fmt.Fprintf(stderr, "crm_error: --output-as=%s: expected text or xml\n", format)
		return exit.Usage
	}
	if path := line.Get("output-to"); path != "" && path != "-" {
		f, err := os.Create(path)
		if err != nil {
			fmt.Fprintf(stderr, "crm_error: %v\n", err)
			return exit.CannotCreate
		}
		defer f.Close()
		stdout = f
	}
	known, list := pick(line), line.Has("list") || len(line.Words) == 0
	codes := known.codes
	if !list {
		codes = nil
		for _, word := range line.Words {
			codes = append(codes, known.named(word))
		}
	}
	if format == "xml" {
		writeXML(stdout, args, codes, line.Has("name"))
	} else {
		writeText(stdout, codes, line.Has("name"), list)
	}
	return exit.OK
}

func writeText(w io.Writer, codes []code, named, list bool) {
	for _, c := range codes {
		switch {
		case list && named:
			fmt.Fprintf(w, "%5d: %-27s %s\n", c.number, c.name, c.text)
		case list:
			fmt.Fprintf(w, "%5d: %s\n", c.number, c.text)
		case named:
			fmt.Fprintf(w, "%s - %s\n", c.name, c.text)
		default:
			fmt.Fprintln(w, c.text)
		}
	}
}

func writeXML(w io.Writer, args []string, codes []code, named bool) {
	root := cib.NewElement("pacemaker-result", "api-version", "2.25", "request", strings.Join(append([]string{"crm_error"}, args...), " "))
	for _, c := range codes {
		e := root.Append(cib.NewElement("result-code", "code", strconv.Itoa(c.number)))
		if named {
			e.Set("name", c.name)
		}
		e.Set("description", c.text)
	}
	root.Append(cib.NewElement("status", "code", "0", "message", "OK"))
	fmt.Fprint(w, root.String())
}
