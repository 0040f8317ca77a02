package sample

import (
	"fmt"
	"strconv"
	"strings"
)

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

// counters are a stick-table entry's, as fetches name them.
var counters = []string{
	"conn_cnt", "conn_cur", "conn_rate", "sess_cnt", "sess_rate", "http_req_cnt", "http_req_rate", "http_err_cnt", "http_err_rate",
	"bytes_in_rate", "bytes_out_rate", "kbytes_in", "kbytes_out", "gpc0", "gpc0_rate", "gpc1", "gpc1_rate", "gpt0",
}

// tableFetches read counters of the entries that are tracked: scN_counter, sc_counter(N), src_counter(table).
var tableFetches = makeTableFetches()

func makeTableFetches() map[string]fetch {
	all := map[string]fetch{}
	for _, counter := range counters {
		for slot := range 3 {
			all["sc"+strconv.Itoa(slot)+"_"+counter] = fetch{Number, 0, 0, 1, func(args []string) (get, error) {
				return trackedCounter(slot, counter, args), nil
			}}
		}
		all["sc_"+counter] = fetch{Number, 0, 1, 2, func(args []string) (get, error) {
			slot, err := strconv.Atoi(args[0])
			if err != nil || slot < 0 || slot > 2 {
				return nil, fmt.Errorf("%q is not the number of a sticky counter; there are 0, 1 and 2", args[0])
			}
			return trackedCounter(slot, counter, args[1:]), nil
		}}
		all["src_"+counter] = fetch{Number, 0, 0, 1, func(args []string) (get, error) {
			table := ""
			if len(args) > 0 {
				table = args[0]
			}
			return func(c *Context, i int, out *Value) bool {
				if i > 0 || c.State == nil {
					return false
				}
				key := Value{Kind: Address, Addr: c.Source.Addr()}
				n, ok := c.State.Table(table, &key, -1, counter)
				out.setNumber(n)
				return ok
			}, nil
		}}
	}
	return all
}

func trackedCounter(slot int, counter string, args []string) get {
	table := ""
	if len(args) > 0 {
		table = args[0]
	}
	return func(c *Context, i int, out *Value) bool {
		if i > 0 || c.State == nil {
			return false
		}
		n, ok := c.State.Table(table, nil, slot, counter)
		out.setNumber(n)
		return ok
	}
}
