package sample

import (
	"fmt"
	"strconv"
	"strings"
)

// addStateConverters adds what asks for the state of a server or backend that the value names, and what keeps captures.
func addStateConverters() {
	converters["nbsrv"] = converter{Number, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(c *Context, v *Value) bool {
			if c.State == nil {
				return false
			}
			n, _, known := c.State.Servers(string(v.Text()))
			v.setNumber(n)
			return known
		}, nil
	}}
	converters["srv_queue"] = converter{Number, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(c *Context, v *Value) bool {
			backend, server, ok := strings.Cut(string(v.Text()), "/")
			if !ok || c.State == nil {
				return false
			}
			n, known := c.State.Server(backend, server, "queue")
			v.setNumber(n)
			return known
		}, nil
	}}
	converters["capture-req"] = converter{Text, 1, 1, func(_ *Compiler, args []string) (convert, error) { return makeCapture(args[0], false) }}
	converters["capture-res"] = converter{Text, 1, 1, func(_ *Compiler, args []string) (convert, error) { return makeCapture(args[0], true) }}
}

// makeCapture makes capture-req(N) and capture-res(N), which keep the value in a slot that was declared.
func makeCapture(arg string, answer bool) (convert, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%q is not the number of a capture", arg)
	}
	return func(c *Context, v *Value) bool {
		at := n
		if answer {
			at += c.AnswerCaptures
		}
		if at >= len(c.Captured) {
			return false
		}
		c.Captured[at] = v.Append(nil)
		return true
	}, nil
}
