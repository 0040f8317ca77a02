package keepalived

import (
	"fmt"
	"strconv"
	"strings"
)

// maxSequence is how many times one line may be repeated.
const maxSequence = 1 << 18

// sequence reads what begins a line that is repeated: ~SEQ(NAME, [START, [STEP,]] END) counts, in hexadecimal with ~SEQx, and ~LST(NAME, VALUE, …) or
// ~LST({NAME, NAME}, {VALUE, VALUE}, …) goes through values. Each round is the values of the names; rest is the line to be repeated.
func (e *expander) sequence(at Position, text string) (names []string, rounds [][]string, rest string, err error) {
	open, end := strings.IndexByte(text, '('), strings.IndexByte(text, ')')
	if open < 0 || end < open {
		return nil, nil, "", at.Errorf("%q: want ~SEQ(NAME, START, STEP, END) or ~LST(NAME, VALUE, ...) before what is repeated", text)
	}
	inner, err := e.replace(at, text[open+1:end])
	if err != nil {
		return nil, nil, "", err
	}
	arguments, kind := groups(inner), text[:open]
	switch {
	case len(arguments) < 2:
		err = fmt.Errorf("want a name and values")
	case kind == "~LST":
		names, rounds, err = listed(arguments)
	case kind == "~SEQ", kind == "~SEQx":
		names = arguments[0]
		rounds, err = counted(arguments[1:], kind == "~SEQx")
	default:
		err = fmt.Errorf("want ~SEQ, ~SEQx or ~LST")
	}
	for _, name := range names {
		if err == nil && (name == "" || nameLength(name) != len(name)) {
			err = fmt.Errorf("%q is no name of a parameter", name)
		}
	}
	if err != nil {
		err = at.Errorf("%s: %w", text[:end+1], err)
	}
	return names, rounds, strings.TrimSpace(text[end+1:]), err
}

// groups splits at commas; those within braces stay together.
func groups(text string) [][]string {
	var all [][]string
	for text = strings.TrimSpace(text); text != ""; {
		var one string
		var values []string
		if inner, ok := strings.CutPrefix(text, "{"); ok {
			one, text, _ = strings.Cut(inner, "}")
			for value := range strings.SplitSeq(one, ",") {
				values = append(values, strings.TrimSpace(value))
			}
			_, text, _ = strings.Cut(text, ",")
		} else {
			one, text, _ = strings.Cut(text, ",")
			values = []string{strings.TrimSpace(one)}
		}
		all, text = append(all, values), strings.TrimSpace(text)
	}
	return all
}

func listed(arguments [][]string) (names []string, rounds [][]string, err error) {
	names = arguments[0]
	for _, values := range arguments[1:] {
		if len(values) != len(names) {
			return nil, nil, fmt.Errorf("%d values for %d names", len(values), len(names))
		}
	}
	return names, arguments[1:], nil
}

// counted reads [START, [STEP,]] END.
func counted(arguments [][]string, hexadecimal bool) (rounds [][]string, err error) {
	var n []int
	for _, a := range arguments {
		number, err := strconv.ParseInt(a[0], 0, 32)
		if err != nil || len(a) != 1 {
			return nil, fmt.Errorf("%q: want a number", strings.Join(a, ","))
		}
		n = append(n, int(number))
	}
	start, step, end := 1, 1, n[len(n)-1]
	if end < 0 {
		start = -1
	}
	if len(n) > 1 {
		start = n[0]
	}
	if end < start {
		step = -1
	}
	if len(n) == 3 {
		step = n[1]
	}
	if len(n) > 3 || step == 0 || (end-start)/step < 0 || (end-start)/step >= maxSequence {
		return nil, fmt.Errorf("want START, STEP, END, where the step leads to the end in less than %d steps", maxSequence)
	}
	format := map[bool]string{false: "%d", true: "%x"}[hexadecimal]
	for i := start; step > 0 && i <= end || step < 0 && i >= end; i += step {
		rounds = append(rounds, []string{fmt.Sprintf(format, i)})
	}
	return rounds, nil
}
