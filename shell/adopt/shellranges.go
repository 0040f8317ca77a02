package adopt

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// What a script can ask for at most. Loops stand in each other and values contain each other, so that a few lines can mean more
// commands than any cluster has, and more text than any host holds.
const (
	roundLimit = 10_000   // rounds of all loops together
	valueLimit = 1 << 20  // bytes of the variables' values in one word
	textLimit  = 16 << 20 // bytes of all words together
)

// enter counts the rounds of the loop that is about to go over words, which is inside others, against the limit.
func (s *shellScript) enter(line, words int) bool {
	within := s.within * words
	switch {
	case s.err != nil:
	case within > roundLimit:
		s.err = fmt.Errorf("%d: the loops that stand in each other here go round %d times, and at most %d are carried out; write out what they make, or import the script in parts",
			line, within, roundLimit)
	case s.rounds+words > roundLimit:
		s.err = fmt.Errorf("%d: the loops up to here go round %d times together, and at most %d are carried out; write out what they make, or import the script in parts",
			line, s.rounds+words, roundLimit)
	}
	s.rounds += words
	return s.err == nil
}

// overgrown is why a word with too long values is unknown.
const overgrown = "it is too long"

// keep counts text that the script makes against the limits; why says what is unknown about it.
func (s *shellScript) keep(line int, why string, texts ...string) {
	for _, text := range texts {
		s.bytes += len(text)
	}
	switch {
	case s.err != nil:
	case why == overgrown:
		s.err = fmt.Errorf("%d: a value grows beyond %d bytes, which is the limit; does a variable contain itself again and again?", line, valueLimit)
	case s.bytes > textLimit:
		s.err = fmt.Errorf("%d: the commands up to here have more than %d bytes together, which is the limit; import the script in parts", line, textLimit)
	}
}

// braces is {A..B} or {A,B,…} outside quotes, not of ${…}.
var braces = regexp.MustCompile(`(^|[^$\\])\{(-?\d+\.\.-?\d+|[^{}\s,]*(?:,[^{}\s,]*)+)\}`)

// sequence is what $(seq …) or `seq …` stands for.
var sequence = regexp.MustCompile("^\"?(?:\\$\\(|`)\\s*seq\\s+(?:(-?\\d+)\\s+)?(-?\\d+)\\s*[)`]\"?$")

// alternatives lists the words that one with braces or a sequence of numbers stands for: the word itself when there are none.
func (s *shellScript) alternatives(line int, raw string) []string {
	if !strings.Contains(raw, "{") && !strings.Contains(raw, "seq") {
		return []string{raw} // most words: patterns are slow
	}
	if m := sequence.FindStringSubmatch(raw); m != nil {
		if m[1] == "" {
			m[1] = "1"
		}
		if list := s.numbers(line, m[1], m[2]); raw[0] != '"' {
			return list
		}
	}
	if strings.ContainsAny(raw, "'\"`") {
		return []string{raw}
	}
	at := braces.FindStringSubmatchIndex(raw)
	if at == nil {
		return []string{raw}
	}
	inner := strings.Split(raw[at[4]:at[5]], ",")
	if from, to, ok := strings.Cut(inner[0], ".."); ok && len(inner) == 1 {
		inner = s.numbers(line, from, to)
	}
	var words []string
	for _, text := range inner {
		words = append(words, s.alternatives(line, raw[:at[3]]+text+raw[at[5]+1:])...)
		if len(words) > roundLimit && s.err == nil {
			s.err = fmt.Errorf("%d: %s stands for more than %d words, which is the limit; write fewer", line, raw, roundLimit)
		}
		if s.err != nil {
			return nil
		}
	}
	return words
}

// numbers counts from one number to another; a sequence that is empty, or too long, has none.
func (s *shellScript) numbers(line int, from, to string) []string {
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	step := 1
	if first > last {
		step = -1
	}
	count := (last-first)*step + 1
	if err1 != nil || err2 != nil || count > roundLimit || count < 0 {
		if s.err == nil {
			s.err = fmt.Errorf("%d: from %s to %s are more numbers than the limit of %d; write out what is meant, or import the script in parts", line, from, to, roundLimit)
		}
		return nil
	}
	list := make([]string, count)
	for i := range list {
		list[i] = strconv.Itoa(first + i*step)
	}
	return list
}
