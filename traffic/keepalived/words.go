package keepalived

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/spelling"
)

// Keywords maps a block's directives to what reads them into a T.
type Keywords[T any] map[string]func(*T, Directive) error

// Read reads every directive of a block.
func (k Keywords[T]) Read(into *T, block []Directive) error {
	for _, d := range block {
		read, ok := k[d.Keyword()]
		if !ok {
			return d.At.Errorf("%q is not known here%s", d.Keyword(), k.accepted(d.Keyword()))
		}
		if err := read(into, d); err != nil {
			return err
		}
	}
	return nil
}

// accepted names the likeliest keyword, or all.
func (k Keywords[T]) accepted(word string) string {
	all := slices.Sorted(maps.Keys(k))
	if meant := spelling.Nearest(word, all, 2); meant != "" {
		return "; did you mean " + strconv.Quote(meant) + "?"
	}
	return "; accepted are " + strings.Join(all, ", ")
}

// With adds another table.
func (k Keywords[T]) With(more Keywords[T]) Keywords[T] {
	for word, read := range more {
		k[word] = read
	}
	return k
}

// Value returns the directive's only value.
func Value(d Directive, what string) (string, error) {
	if len(d.Values()) != 1 {
		return "", d.Errorf("want %s, got %q", what, strings.Join(d.Values(), " "))
	}
	return d.Words[1], nil
}

// Integer reads a number.
func Integer(d Directive, low, high int) (int, error) {
	text, err := Value(d, "a number")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, d.Errorf("%q: want a number from %d to %d", text, low, high)
	}
	return n, nil
}

// Seconds reads a time in seconds with a fraction.
func Seconds(d Directive, low, high time.Duration) (time.Duration, error) {
	text, err := Value(d, "seconds")
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f < low.Seconds() || f > high.Seconds() {
		return 0, d.Errorf("%q: want seconds from %g to %g", text, low.Seconds(), high.Seconds())
	}
	return time.Duration(math.Round(f*1e6)) * time.Microsecond, nil
}

// Boolean reads a switch; alone, it is on.
func Boolean(d Directive) (bool, error) {
	if len(d.Values()) == 0 {
		return true, nil
	}
	switch text := d.Words[1]; text {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no":
		return false, nil
	default:
		return false, d.Errorf("%q: want on, off, true, false, yes or no", text)
	}
}

// Address reads one.
func Address(d Directive, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, d.Errorf("%q: want an IPv4 or IPv6 address", text)
	}
	return a, nil
}

// Prefix reads an address with or without the length of its network, which is the whole address then.
func Prefix(d Directive, text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := Address(d, text)
		return netip.PrefixFrom(a, a.BitLen()), err
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, d.Errorf("%q: want an address, a slash and the length of its network", text)
	}
	return p, nil
}

// List returns the first words of the lines of a block.
func List(d Directive) []string {
	all := slices.Clone(d.Values())
	for _, line := range d.Block {
		all = append(all, line.Words...)
	}
	return all
}

// Command splits a script with its arguments, which stand in one quoted word or in several.
func Command(d Directive, words []string) ([]string, error) {
	if len(words) == 0 || words[0] == "" {
		return nil, d.Errorf("want the path of a program")
	}
	if len(words) > 1 {
		return words, nil
	}
	split, err := SplitQuoted(words[0])
	if err != nil {
		return nil, d.Errorf("%w", err)
	}
	return split, nil
}

// SplitQuoted splits at white space; single and double quotes keep it.
func SplitQuoted(text string) ([]string, error) {
	var words []string
	var current strings.Builder
	var quote rune
	inWord := false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if inWord {
				words = append(words, current.String())
				current.Reset()
				inWord = false
			}
		default:
			current.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%q: a quote is not closed", text)
	}
	if inWord {
		words = append(words, current.String())
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("want the path of a program")
	}
	return words, nil
}
