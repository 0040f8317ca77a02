// Package rule evaluates the rules of the cluster's document: conditions on node
// attributes, dates, resources and operations that decide whether a location
// constraint or a set of options applies.
//
// A rule is a tree. Its leaves compare something with what the Context holds; its
// inner nodes are rules joined by boolean-op (and, by default, or or). Evaluation
// is pure: the time is the Context's, and what may change the answer later by time
// alone is noted in the Context's NextChange, so that the cluster can look again
// at that moment.
package rule

import (
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// Context is what a rule can ask about. Functions may be nil: then the thing that
// they look up is not known here, and a condition on it does not hold.
type Context struct {
	Now time.Time

	Attribute func(name string) (string, bool) // of the node under consideration
	Role      string                           // of the resource under consideration; "" for any
	Agent     *Agent                           // resource, for rsc_expression
	Operation *Operation                       // for op_expression
	Param     func(name string) (string, bool) // instance attributes, for value-source="param"
	Meta      func(name string) (string, bool) // meta-attributes, for value-source="meta"
	Captures  []string                         // what a resource pattern matched: whole, then groups; replaces %0 to %9

	NextChange time.Time // earliest moment at which an answer given may change; zero when never

	// Watch, when it is set, is told every moment up to which answers given hold for certain.
	// It errs on the early side, where NextChange is the moment at which to look again.
	Watch func(until time.Time)
}

// Agent names the resource agent that rsc_expression compares.
type Agent struct{ Class, Provider, Type string }

// Operation names the operation that op_expression compares.
type Operation struct {
	Name     string
	Interval time.Duration
}

// note remembers that an answer may change at t.
func (c *Context) note(t time.Time) {
	c.watch(t)
	if t.After(c.Now) && (c.NextChange.IsZero() || t.Before(c.NextChange)) {
		c.NextChange = t
	}
}

func (c *Context) watch(until time.Time) {
	if c.Watch != nil {
		c.Watch(until)
	}
}

// Holds reports whether the rule's condition is true.
func (c *Context) Holds(rule *cib.Element) bool {
	any := strings.EqualFold(rule.Get("boolean-op"), "or")
	conditions := false
	for e := range rule.Elements() {
		holds, known := c.condition(e)
		if !known {
			continue
		}
		conditions = true
		if holds == any {
			return any
		}
	}
	return !any || !conditions
}

// AllHold reports whether every <rule> that is a child of e holds; true when there is none.
func (c *Context) AllHold(e *cib.Element) bool {
	for r := range e.All("rule") {
		if !c.Holds(r) {
			return false
		}
	}
	return true
}

func (c *Context) condition(e *cib.Element) (holds, known bool) {
	switch e.Name {
	case "rule":
		return c.Holds(e), true
	case "expression":
		if e.Get("attribute") == "#role" {
			return c.role(e), true
		}
		return c.attribute(e), true
	case "date_expression":
		return c.date(e), true
	case "rsc_expression":
		return c.resource(e), true
	case "op_expression":
		return c.operation(e), true
	}
	return false, false
}

func (c *Context) role(e *cib.Element) bool {
	if c.Role == "" {
		return false
	}
	same := strings.EqualFold(c.Role, e.Get("value"))
	switch e.Get("operation") {
	case "defined":
		return true
	case "eq":
		return same
	case "ne":
		return !same
	}
	return false
}

func (c *Context) resource(e *cib.Element) bool {
	if c.Agent == nil {
		return false
	}
	for name, have := range map[string]string{
		"class": c.Agent.Class, "provider": c.Agent.Provider, "type": c.Agent.Type,
	} {
		if want, ok := e.Lookup(name); ok && want != have {
			return false
		}
	}
	return true
}

func (c *Context) operation(e *cib.Element) bool {
	if c.Operation == nil || e.Get("name") != c.Operation.Name {
		return false
	}
	interval, ok := e.Lookup("interval")
	if !ok {
		return true
	}
	d, err := ParseInterval(interval)
	return err == nil && d == c.Operation.Interval
}

func (c *Context) attribute(e *cib.Element) bool {
	operation := e.Get("operation")
	var have string
	var found bool
	if c.Attribute != nil {
		have, found = c.Attribute(c.expand(e.Get("attribute")))
	}
	switch operation {
	case "defined":
		return found
	case "not_defined":
		return !found
	}
	want, given := c.reference(e)
	if !found || !given {
		switch operation {
		case "eq":
			return found == given
		case "ne":
			return found != given
		}
		return false
	}
	order := compare(have, want, comparison(e.Get("type"), operation, have, want))
	switch operation {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "lt":
		return order < 0
	case "lte":
		return order <= 0
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	}
	return false
}

// reference returns the value that an expression compares with.
func (c *Context) reference(e *cib.Element) (string, bool) {
	value, given := e.Lookup("value")
	var lookup func(string) (string, bool)
	switch e.Get("value-source") {
	case "param":
		lookup = c.Param
	case "meta":
		lookup = c.Meta
	default:
		return value, given
	}
	if lookup == nil || !given {
		return "", false
	}
	return lookup(value)
}

// expand replaces %0 to %9 by what a resource pattern captured.
func (c *Context) expand(name string) string {
	if len(c.Captures) == 0 || strings.IndexByte(name, '%') < 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+1 < len(name) && name[i+1] >= '0' && name[i+1] <= '9' {
			i++
			if n := int(name[i] - '0'); n < len(c.Captures) {
				b.WriteString(c.Captures[n])
			}
			continue
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
