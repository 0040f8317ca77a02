package health

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// outcome is what an expectation came to so far.
type outcome int

const (
	hit outcome = iota
	miss
	notYet
)

// expect waits for what a step expects.
func (v *conversation) expect(step *config.CheckStep) (pool.Result, *failure) {
	e := step.Expect
	var o outcome
	var bad *failure
	switch e.Kind {
	case config.ExpectMySQL, config.ExpectMySQLLogin, config.ExpectLDAP:
		return v.expectPacket(e)
	default:
		if v.asked != "" {
			if bad = v.awaitHead(); bad != nil {
				break
			}
			if v.server.Backend.Check.NoStop && v.answer.status == 404 {
				return pool.Result{Passed: true, Conditional: true, Status: "L7OKC", Code: 404}, nil
			}
		}
		o, bad = v.await(e)
	}
	if bad != nil {
		if strings.HasSuffix(bad.status, "TOUT") && e.Timeout != "" {
			bad.status = e.Timeout
		}
		return pool.Result{}, bad
	}
	code := v.code(e)
	if (o == hit) != e.Negate {
		r := pool.Result{Passed: true, Status: "L7OK", Code: code}
		if e.OK != "" {
			r.Status = e.OK
		}
		if e.OnSuccess != nil {
			r.Why = string(e.OnSuccess.Append(nil, &v.context))
		}
		return r, nil
	}
	return pool.Result{}, v.missed(e, code)
}

// missed is the failure of an expectation.
func (v *conversation) missed(e *config.Expect, code int) *failure {
	bad := failed("L7RSP", "what came has not %s %q", e.Kind, e.Shown)
	bad.code = code
	if e.Negate {
		bad.why = "what came has " + string(e.Kind) + " " + strconv.Quote(e.Shown) + ", which is unwanted"
	}
	switch e.Kind {
	case config.ExpectStatus, config.ExpectStatusMatch, config.ExpectField, config.ExpectWholeField:
		bad.status, bad.why = "L7STS", v.answer.reason
	}
	if e.Error != "" {
		bad.status = e.Error
	}
	if e.OnError != nil {
		bad.why = string(e.OnError.Append(nil, &v.context))
	}
	return bad
}

// code is what is told as the check's number: the status of an answer where nothing else is asked for.
func (v *conversation) code(e *config.Expect) int {
	if e.Code != nil {
		n, err := strconv.Atoi(strings.TrimSpace(string(e.Code.Append(nil, &v.context))))
		if err == nil {
			return n
		}
	}
	if v.answer != nil {
		return v.answer.status
	}
	return 0
}

// await reads until it is certain whether what came is what is expected.
func (v *conversation) await(e *config.Expect) (outcome, *failure) {
	read := v.more
	if v.answer != nil {
		read = v.moreBody
	}
	ofHead := v.answer != nil && (e.Kind == config.ExpectStatus || e.Kind == config.ExpectStatusMatch || e.Kind == config.ExpectField || e.Kind == config.ExpectWholeField)
	for {
		o := notYet
		if ofHead || v.ended || len(v.got) > 0 && len(v.got) >= e.Minimum {
			o = v.look(e)
		}
		if o == hit || o == miss && (ofHead || v.ended || len(v.got) > 0 && e.Minimum >= 0 || e.Negate && len(v.got) > 0 && v.answer == nil) {
			return o, v.silence(e)
		}
		if _, err := read(); err != nil {
			return miss, v.broken(err, "L7TOUT", "L7RSP")
		}
	}
}

// silence is the failure of a server that said nothing at all.
func (v *conversation) silence(e *config.Expect) *failure {
	if v.answer == nil && len(v.got) == 0 {
		return failed("L7RSP", "nothing came")
	}
	return nil
}

// look holds what came to the pattern.
func (v *conversation) look(e *config.Expect) outcome {
	found := false
	switch e.Kind {
	case config.ExpectStatus:
		for _, r := range e.Status {
			found = found || v.answer.status >= r[0] && v.answer.status <= r[1]
		}
	case config.ExpectStatusMatch:
		found = e.Regexp.MatchString(strconv.Itoa(v.answer.status))
	case config.ExpectField, config.ExpectWholeField:
		found = v.hasField(e)
	case config.ExpectMatch:
		found = e.Regexp.Match(v.got)
	case config.ExpectHexMatch:
		found = e.Regexp.MatchString(strings.ToUpper(hex.EncodeToString(v.got)))
	case config.ExpectTextFormat:
		found = bytes.Contains(v.got, e.Format.Append(nil, &v.context))
	case config.ExpectHexFormat:
		b, err := hex.DecodeString(string(e.Format.Append(nil, &v.context)))
		found = err == nil && bytes.Contains(v.got, b)
	default:
		found = bytes.Contains(v.got, []byte(e.Text))
	}
	if found {
		return hit
	}
	return miss
}

func (v *conversation) hasField(e *config.Expect) bool {
	for name, values := range v.answer.fields {
		if !v.matches(&e.Name, strings.ToLower(name), true) {
			continue
		}
		if e.Value.Method == "" {
			return true
		}
		for _, value := range values {
			parts := []string{value}
			if e.Kind == config.ExpectField {
				parts = strings.Split(value, ",")
			}
			for _, part := range parts {
				if v.matches(&e.Value, strings.TrimSpace(part), false) {
					return true
				}
			}
		}
	}
	return false
}

// matches holds a text to a pattern; names are compared in small letters.
func (v *conversation) matches(m *config.TextMatch, text string, name bool) bool {
	pattern := m.Text
	if m.Format != nil {
		pattern = string(m.Format.Append(nil, &v.context))
	}
	if name {
		pattern = strings.ToLower(pattern)
	}
	switch m.Method {
	case "beg":
		return strings.HasPrefix(text, pattern)
	case "end":
		return strings.HasSuffix(text, pattern)
	case "sub":
		return strings.Contains(text, pattern)
	case "reg":
		return m.Regexp.MatchString(text)
	}
	return text == pattern
}
