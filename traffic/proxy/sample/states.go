package sample

import "strings"

func named(kind Kind, maximum int, f func(s State, c *Context, name string) (int64, bool)) fetch {
	return fetch{kind, 0, 0, maximum, func(args []string) (get, error) {
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		return func(c *Context, i int, out *Value) bool {
			if i > 0 || c.State == nil {
				return false
			}
			n, ok := f(c.State, c, name)
			*out = Value{Kind: kind, Number: n}
			return ok
		}, nil
	}}
}

func (c *Context) backendOr(name string) string {
	if name == "" {
		return c.Backend
	}
	return name
}

func (c *Context) frontendOr(name string) string {
	if name == "" {
		return c.Frontend
	}
	return name
}

// stateFetches ask for the state of the proxy's other parts.
var stateFetches = map[string]fetch{
	"nbsrv": named(Number, 1, func(s State, c *Context, name string) (int64, bool) {
		n, _, ok := s.Servers(c.backendOr(name))
		return n, ok
	}),
	"fe_conn": named(Number, 1, func(s State, c *Context, name string) (int64, bool) {
		return s.Sessions(c.frontendOr(name), false), true
	}),
	"be_conn": named(Number, 1, func(s State, c *Context, name string) (int64, bool) { return s.Sessions(c.backendOr(name), true), true }),
	"fe_sess_rate": named(Number, 1, func(s State, c *Context, name string) (int64, bool) {
		return s.Rate(c.frontendOr(name), false), true
	}),
	"be_sess_rate": named(Number, 1, func(s State, c *Context, name string) (int64, bool) { return s.Rate(c.backendOr(name), true), true }),
	"queue":        named(Number, 1, func(s State, c *Context, name string) (int64, bool) { return s.Queued(c.backendOr(name)), true }),
	"srv_is_up": {Truth, 0, 1, 1, func(args []string) (get, error) {
		backend, server, ok := strings.Cut(args[0], "/")
		if !ok {
			backend, server = "", args[0]
		}
		return func(c *Context, i int, out *Value) bool {
			out.setTruth(c.State != nil && c.State.ServerUp(c.backendOr(backend), server))
			return i == 0
		}, nil
	}},
}

// protocolFetches are what was agreed on with the client.
var protocolFetches = map[string]fetch{
	"fc_http_major": single(Number, 0, func(c *Context, out *Value) bool { out.setNumber(1 + truthNumber(c.HTTP2)); return true }),
}
