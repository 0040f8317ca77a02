package config

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/spelling"
	"holdfast/traffic/keepalived"
)

// keywords maps a block's directives to what reads them into a T.
type keywords[T any] map[string]func(*T, keepalived.Directive) error

// read reads every directive of a block.
func (k keywords[T]) read(into *T, block []keepalived.Directive) error {
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
func (k keywords[T]) accepted(word string) string {
	all := slices.Sorted(maps.Keys(k))
	if meant := spelling.Nearest(word, all, 2); meant != "" {
		return "; did you mean " + strconv.Quote(meant) + "?"
	}
	return "; accepted are " + strings.Join(all, ", ")
}

// value returns the directive's only value.
func value(d keepalived.Directive, what string) (string, error) {
	if len(d.Values()) != 1 {
		return "", d.Errorf("want %s, got %q", what, strings.Join(d.Values(), " "))
	}
	return d.Words[1], nil
}

func integer(d keepalived.Directive, low, high int) (int, error) {
	text, err := value(d, "a number")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, d.Errorf("%q: want a number from %d to %d", text, low, high)
	}
	return n, nil
}

// seconds reads a time in seconds with a fraction.
func seconds(d keepalived.Directive, low, high time.Duration) (time.Duration, error) {
	text, err := value(d, "seconds")
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f < low.Seconds() || f > high.Seconds() {
		return 0, d.Errorf("%q: want seconds from %g to %g", text, low.Seconds(), high.Seconds())
	}
	return time.Duration(math.Round(f*1e6)) * time.Microsecond, nil
}

// boolean reads a switch; alone, it is on.
func boolean(d keepalived.Directive) (bool, error) {
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

func address(d keepalived.Directive, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, d.Errorf("%q: want an IPv4 or IPv6 address", text)
	}
	return a, nil
}

// prefix reads an address with or without the length of its network, which is the whole address then.
func prefix(d keepalived.Directive, text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := address(d, text)
		return netip.PrefixFrom(a, a.BitLen()), err
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, d.Errorf("%q: want an address, a slash and the length of its network", text)
	}
	return p, nil
}

// list returns the first words of the lines of a block.
func list(d keepalived.Directive) []string {
	all := slices.Clone(d.Values())
	for _, line := range d.Block {
		all = append(all, line.Words...)
	}
	return all
}

// command splits a script with its arguments, which stand in one quoted word or in several.
func command(d keepalived.Directive, words []string) ([]string, error) {
	if len(words) == 0 || words[0] == "" {
		return nil, d.Errorf("want the path of a program")
	}
	if len(words) > 1 {
		return words, nil
	}
	return splitQuoted(d, words[0])
}

// splitQuoted splits at white space; single and double quotes keep it.
func splitQuoted(d keepalived.Directive, text string) ([]string, error) {
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
		return nil, d.Errorf("%q: a quote is not closed", text)
	}
	if inWord {
		words = append(words, current.String())
	}
	if len(words) == 0 {
		return nil, d.Errorf("want the path of a program")
	}
	return words, nil
}
