package sample

import (
	"fmt"
	"strings"
)

// Condition is what stands behind `if` or `unless`: alternatives of ACLs that must all hold. A nil Condition always holds.
type Condition struct {
	unless       bool
	alternatives [][]term
	needs        needs
}

type term struct {
	acl    *ACL
	negate bool
}

// Holds evaluates the condition.
func (c *Condition) Holds(x *Context) bool {
	if c == nil {
		return true
	}
	for _, terms := range c.alternatives {
		if allHold(terms, x) {
			return !c.unless
		}
	}
	return c.unless
}

// Verdict is what a condition says while more may come.
type Verdict uint8

// The verdicts. Their bits are such that & joins those that must all hold, and | alternatives.
const (
	Fails     Verdict = 0
	Undecided Verdict = 1 // what it depends on is not there yet
	Passes    Verdict = 3
)

// Decide evaluates the condition where more bytes may come: what is not known yet neither holds nor fails.
func (c *Condition) Decide(x *Context) Verdict {
	if c == nil {
		return Passes
	}
	verdict := Fails
	for _, terms := range c.alternatives {
		all := Passes
		for i := range terms {
			if all &= terms[i].decide(x); all == Fails {
				break
			}
		}
		if verdict |= all; verdict == Passes {
			break
		}
	}
	if c.unless && verdict != Undecided {
		verdict ^= Passes
	}
	return verdict
}

func (t *term) decide(x *Context) Verdict {
	x.undecided = false
	holds := t.acl.Matches(x)
	switch {
	case !holds && x.Undecided():
		return Undecided
	case holds != t.negate:
		return Passes
	}
	return Fails
}

// Undecided tells whether what was asked for last may look different when more has come, and forgets it.
func (x *Context) Undecided() bool {
	undecided := x.undecided && x.Partial
	x.undecided = false
	return undecided
}

func allHold(terms []term, x *Context) bool {
	for i := range terms {
		if terms[i].acl.Matches(x) == terms[i].negate {
			return false
		}
	}
	return true
}

// OfRequest tells whether the condition looks at a request; OfAnswer, at an answer.
func (c *Condition) OfRequest() bool { return c != nil && c.needs&needsRequest != 0 }

// OfAnswer tells whether the condition looks at an answer.
func (c *Condition) OfAnswer() bool { return c != nil && c.needs&needsAnswer != 0 }

// OfBytes tells whether the condition looks at what came on a tcp connection.
func (c *Condition) OfBytes() bool { return c != nil && c.needs&needsBytes != 0 }

// Split divides a line's words at `if` or `unless`.
func Split(words []string) (before, condition []string) {
	for i, w := range words {
		if w == "if" || w == "unless" {
			return words[:i], words[i:]
		}
	}
	return words, nil
}

// Condition compiles the words from `if` or `unless` on; nil when there are none.
func (k *Compiler) Condition(words []string) (*Condition, error) {
	if len(words) == 0 {
		return nil, nil
	}
	if words[0] != "if" && words[0] != "unless" {
		return nil, fmt.Errorf("%q is where `if` or `unless` is expected", words[0])
	}
	c := &Condition{unless: words[0] == "unless"}
	terms, negate := []term{}, false
	for i := 1; i < len(words); i++ {
		w := words[i]
		for strings.HasPrefix(w, "!") {
			negate, w = !negate, w[1:]
		}
		if w == "" {
			continue
		}
		if w == "||" || w == "or" {
			if len(terms) == 0 || negate {
				return nil, fmt.Errorf("an acl is expected before %q", w)
			}
			c.alternatives, terms = append(c.alternatives, terms), []term{}
			continue
		}
		a, used, err := k.termOf(w, words[i:])
		if err != nil {
			return nil, err
		}
		i += used
		for _, t := range a.tests {
			c.needs |= t.expr.needs
		}
		terms, negate = append(terms, term{a, negate}), false
	}
	if len(terms) == 0 || negate {
		return nil, fmt.Errorf("an acl is expected at the end of the condition")
	}
	c.alternatives = append(c.alternatives, terms)
	return c, nil
}

// termOf reads a name, or an anonymous acl in braces, from the words; used is how many more words it took.
func (k *Compiler) termOf(first string, words []string) (a *ACL, used int, err error) {
	if first != "{" {
		a, err = k.named(first)
		return a, 0, err
	}
	for end := 1; end < len(words); end++ {
		if words[end] != "}" {
			continue
		}
		if end == 1 {
			return nil, 0, fmt.Errorf("an expression is expected between { and }")
		}
		t, err := k.test(words[1:end])
		if err != nil {
			return nil, 0, err
		}
		return &ACL{tests: []*test{t}}, end, nil
	}
	return nil, 0, fmt.Errorf("} is missing")
}
