package sample

import (
	"fmt"
	"strings"
)

// Set keeps a copy of a value under a name.
func (c *Context) Set(name string, v Value) {
	if c.Process != nil && strings.HasPrefix(name, "proc.") {
		c.Process.Set(name, v)
		return
	}
	if c.Variables == nil {
		c.Variables = map[string]Value{}
	}
	v.Bytes = append([]byte(nil), v.Bytes...)
	c.Variables[name] = v
}

// Variable returns a variable's value, and whether it has one.
func (c *Context) Variable(name string) (Value, bool) {
	if strings.HasPrefix(name, "proc.") {
		return c.Process.Get(name)
	}
	v, ok := c.Variables[name]
	return v, ok
}

// Unset forgets a variable.
func (c *Context) Unset(name string) {
	if c.Process != nil && strings.HasPrefix(name, "proc.") {
		c.Process.Delete(name)
		return
	}
	delete(c.Variables, name)
}

// VariableConditions compiles what stands behind a variable's name where it is set: it is set when all of them hold.
func VariableConditions(words []string) (func(c *Context, name string, v *Value) bool, error) {
	type check func(old *Value, set bool, v *Value) bool
	known := map[string]check{
		"ifexists":    func(_ *Value, set bool, _ *Value) bool { return set },
		"ifnotexists": func(_ *Value, set bool, _ *Value) bool { return !set },
		"ifempty":     func(_ *Value, _ bool, v *Value) bool { return len(v.Text()) == 0 },
		"ifnotempty":  func(_ *Value, _ bool, v *Value) bool { return len(v.Text()) > 0 },
		"ifset":       func(_ *Value, set bool, _ *Value) bool { return set },
		"ifnotset":    func(_ *Value, set bool, _ *Value) bool { return !set },
		"ifgt":        func(old *Value, set bool, v *Value) bool { return !set || compareNumbers(old, v) > 0 },
		"iflt":        func(old *Value, set bool, v *Value) bool { return !set || compareNumbers(old, v) < 0 },
	}
	var all []check
	for _, w := range words {
		one, ok := known[w]
		if !ok {
			return nil, fmt.Errorf("condition %q is not known; there are ifexists, ifnotexists, ifempty, ifnotempty, ifset, ifnotset, ifgt and iflt", w)
		}
		all = append(all, one)
	}
	return func(c *Context, name string, v *Value) bool {
		old, set := c.Variable(name)
		for _, holds := range all {
			if !holds(&old, set, v) {
				return false
			}
		}
		return true
	}, nil
}

func compareNumbers(a, b *Value) int64 {
	x, _ := a.Integer()
	y, _ := b.Integer()
	return x - y
}
