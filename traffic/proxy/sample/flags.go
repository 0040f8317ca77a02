package sample

import (
	"fmt"
	"strconv"
)

// flags of an ACL line
type flags struct {
	method   string
	fold     bool
	id       string
	keys     bool // files are those of maps: their keys are the patterns
	files    []string
	patterns []string
}

func readFlags(words []string) (flags, error) {
	var f flags
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			f.patterns = append(f.patterns, words[i+1:]...)
			return f, nil
		}
		if len(f.patterns) > 0 || len(w) < 2 || w[0] != '-' || w[1] >= '0' && w[1] <= '9' {
			f.patterns = append(f.patterns, w)
			continue
		}
		switch {
		case w == "-i":
			f.fold = true
		case w == "-n", w == "-M": // names are never looked up; of a line of a file, what is before the first blank counts with -M
			f.keys = f.keys || w == "-M"
		case (w == "-m" || w == "-f" || w == "-u") && i+1 == len(words):
			return f, fmt.Errorf("%s wants a word behind it", w)
		case w == "-m":
			i++
			f.method = words[i]
		case w == "-f":
			i++
			f.files = append(f.files, words[i])
		case w == "-u":
			i++
			f.id = words[i]
			if n, err := strconv.Atoi(f.id); err != nil || n < 0 {
				return f, fmt.Errorf("-u wants a number, not %q", f.id)
			}
		default:
			return f, fmt.Errorf("flag %q is not known; there are -i, -m, -f, -M, -n, -u and --", w)
		}
	}
	return f, nil
}
