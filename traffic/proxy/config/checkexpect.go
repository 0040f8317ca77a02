package config

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/sample"
)

// ExpectKind is what of an answer is looked at, and how.
type ExpectKind string

// The kinds. Those of protocols are not written in configurations: an answer is taken apart by their rules.
const (
	ExpectStatus      ExpectKind = "status"
	ExpectStatusMatch ExpectKind = "rstatus"
	ExpectField       ExpectKind = "hdr"  // between commas
	ExpectWholeField  ExpectKind = "fhdr" // with its commas
	ExpectText        ExpectKind = "string"
	ExpectMatch       ExpectKind = "rstring"
	ExpectBinary      ExpectKind = "binary"
	ExpectHexMatch    ExpectKind = "rbinary" // of its hexadecimal digits, capital letters among them
	ExpectTextFormat  ExpectKind = "string-lf"
	ExpectHexFormat   ExpectKind = "binary-lf"
	ExpectMySQL       ExpectKind = "mysql-handshake"
	ExpectMySQLLogin  ExpectKind = "mysql-login" // the packet behind the handshake
	ExpectLDAP        ExpectKind = "ldap-bind"
)

// Expect is what answer counts.
type Expect struct {
	Negate    bool
	Kind      ExpectKind
	Status    [][2]int
	Text      string // bytes
	Shown     string // the pattern as it was written
	Regexp    *regexp.Regexp
	Format    *sample.Format
	Name      TextMatch // of a header field
	Value     TextMatch
	Minimum   int    // min-recv: bytes before anything is said; -1: waits for a hit as long as more can come
	OK        string // what is told, in HAProxy's words; "": L7OK, L7RSP, L7TOUT
	Error     string
	Timeout   string
	OnSuccess *sample.Format
	OnError   *sample.Format
	Code      *sample.Expr
}

// TextMatch is how a name or a value of a header field is held to a pattern; Method "": anything will do.
type TextMatch struct {
	Method string // str, beg, end, sub, reg
	Text   string
	Regexp *regexp.Regexp
	Format *sample.Format // of Text; nil: it is as written
}

// checkWords are what a check's result can be told as.
var checkWords = map[string]string{
	"ok-status": "L7OK L7OKC L6OK L4OK", "error-status": "L7OKC L7RSP L7STS L6RSP L4CON", "tout-status": "L7TOUT L6TOUT L4TOUT",
}

// expectation reads options, [!] and a pattern.
func (p *parser) expectation(t *taker, step *CheckStep, http bool) *Expect {
	e := &Expect{Minimum: -1}
	for t.more() {
		switch w := t.next(); w {
		case "!":
			e.Negate = !e.Negate
		case "comment":
			step.Comment = t.value(w)
		case "min-recv":
			e.Minimum = t.count(w, -1, 1<<30)
		case "ok-status":
			e.OK = t.checkWord(w)
		case "error-status":
			e.Error = t.checkWord(w)
		case "tout-status":
			e.Timeout = t.checkWord(w)
		case "on-success":
			e.OnSuccess = p.format(t)
		case "on-error":
			e.OnError = p.format(t)
		case "status-code":
			e.Code = p.expr(t)
		default:
			if e.Kind != "" {
				t.fail("expect: the word %q is not expected", w)
				return e
			}
			if rest, negated := strings.CutPrefix(w, "!"); negated {
				e.Negate, w = !e.Negate, rest
			}
			e.Kind = ExpectKind(w)
			p.expected(t, e, http)
		}
	}
	if e.Kind == "" {
		t.fail("expect: what to expect is missing")
	}
	return e
}

func (t *taker) checkWord(option string) string {
	w, known := t.value(option), fields(checkWords[option])
	if !slices.Contains(known, w) {
		t.fail("%s takes one of %s, not %q", option, strings.Join(known, ", "), w)
	}
	return w
}

// expected reads the pattern of a kind.
func (p *parser) expected(t *taker, e *Expect, http bool) {
	ofHTTP, ofTCP := fields("status rstatus hdr fhdr string rstring string-lf"), fields("string rstring string-lf binary rbinary binary-lf")
	known := ofTCP
	if http {
		known = ofHTTP
	}
	if !slices.Contains(known, string(e.Kind)) {
		t.fail("expect: %q is not known here; there are %s", e.Kind, strings.Join(known, ", "))
		return
	}
	switch e.Kind {
	case ExpectStatus:
		e.Shown = t.value("status")
		e.Status = statusRanges(t, e.Shown)
	case ExpectField, ExpectWholeField:
		p.expectedField(t, e)
	case ExpectTextFormat, ExpectHexFormat:
		e.Format = p.format(t)
		if e.Format != nil {
			e.Shown = e.Format.Text
		}
	case ExpectText:
		e.Shown = t.value("string")
		e.Text = e.Shown
	case ExpectBinary:
		e.Shown = t.value("binary")
		b, err := hex.DecodeString(e.Shown)
		if e.Text = string(b); err != nil {
			t.fail("expect binary: %v", err)
		}
	case ExpectMatch, ExpectHexMatch, ExpectStatusMatch:
		e.Shown = t.value(string(e.Kind))
		re, err := regexp.Compile(e.Shown)
		if e.Regexp = re; err != nil {
			t.fail("expect %s: %v", e.Kind, err)
		}
	}
}

func statusRanges(t *taker, text string) [][2]int {
	var all [][2]int
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		low, high, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(low)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(high)
		}
		if err != nil {
			t.fail("expect status: %q is not a status or a range of them", part)
		}
		all = append(all, [2]int{from, to})
	}
	return all
}

// expectedField reads name [-m METHOD] NAME [value [-m METHOD] VALUE].
func (p *parser) expectedField(t *taker, e *Expect) {
	switch w := t.value(string(e.Kind)); w {
	case "name", "name-lf":
		e.Name = p.textMatch(t, w == "name-lf")
	default:
		t.fail("expect %s wants name or name-lf, not %q", e.Kind, w)
	}
	if !t.more() {
		return
	}
	switch w := t.next(); w {
	case "value", "value-lf":
		e.Value = p.textMatch(t, w == "value-lf")
	default:
		t.fail("expect %s: value or value-lf can follow, not %q", e.Kind, w)
	}
}

func (p *parser) textMatch(t *taker, format bool) TextMatch {
	m := TextMatch{Method: "str"}
	if len(t.words) > 1 && t.words[0] == "-m" {
		t.next()
		if m.Method = t.next(); !slices.Contains(fields("str beg end sub reg"), m.Method) {
			t.fail("-m takes str, beg, end, sub or reg here, not %q", m.Method)
		}
	}
	switch {
	case format && m.Method == "reg":
		t.fail("-m reg takes no format")
	case format:
		m.Format = p.format(t)
	default:
		m.Text = t.value("-m " + m.Method)
	}
	if m.Method == "reg" && t.err == nil {
		re, err := regexp.Compile(m.Text)
		if m.Regexp = re; err != nil {
			t.fail("%v", err)
		}
	}
	return m
}
