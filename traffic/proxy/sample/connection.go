package sample

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// figure is a fetch of a number that the rest of the proxy knows.
func figure(n needs, f func(c *Context) (int64, bool)) fetch {
	return single(Number, n, func(c *Context, out *Value) bool {
		if c.State == nil {
			return false
		}
		number, ok := f(c)
		out.setNumber(number)
		return ok
	})
}

func transport(name string) fetch {
	return fetch{Number, 0, 0, 1, func(args []string) (get, error) {
		divisor := int64(1)
		if name == "rtt" || name == "rttvar" {
			divisor = 1000
			if len(args) > 0 && args[0] == "us" {
				divisor = 1
			} else if len(args) > 0 && args[0] != "ms" {
				return nil, fmt.Errorf("the unit is ms or us, not %q", args[0])
			}
		}
		return func(c *Context, i int, out *Value) bool {
			if i > 0 || c.State == nil {
				return false
			}
			n, ok := c.State.Transport(name)
			out.setNumber(n / divisor)
			return ok
		}, nil
	}}
}

func address(of func(c *Context) netip.Addr) fetch {
	return single(Address, 0, func(c *Context, out *Value) bool { return out.setAddr(of(c)) })
}

func port(of func(c *Context) netip.AddrPort) fetch {
	return single(Number, 0, func(c *Context, out *Value) bool {
		a := of(c)
		out.setNumber(int64(a.Port()))
		return a.IsValid()
	})
}

// isLocal tells whether an address is one of this host's.
func isLocal(of func(c *Context) netip.Addr) fetch {
	return single(Truth, 0, func(c *Context, out *Value) bool {
		a := of(c)
		if !a.IsValid() {
			return false
		}
		out.setTruth(a.IsLoopback())
		if a.IsLoopback() {
			return true
		}
		all, err := net.InterfaceAddrs()
		for _, one := range all {
			if prefix, bad := netip.ParsePrefix(one.String()); bad == nil && prefix.Addr().Unmap() == a.Unmap() {
				out.setTruth(true)
			}
		}
		return err == nil
	})
}

// end is an address of the connection to the client or to the server: there, or here.
func (c *Context) end(server, there bool) netip.AddrPort {
	if c.State == nil {
		return netip.AddrPort{}
	}
	far, near := c.State.Ends(server)
	if there {
		return far
	}
	return near
}

// introduced is a fetch of what a PROXY header told.
func introduced(of func(authority, id []byte) []byte) fetch {
	return single(Text, 0, func(c *Context, out *Value) bool {
		if c.State == nil {
			return false
		}
		b := of(c.State.Introduced())
		out.setBytes(b)
		return b != nil
	})
}

func listenerFigure(name string) fetch {
	return figure(0, func(c *Context) (int64, bool) { _, n := c.State.Listener(name); return n, true })
}

func sourceOf(c *Context) netip.Addr      { return c.Source.Addr() }
func destinationOf(c *Context) netip.Addr { return c.Destination.Addr() }

func textOf(f func(c *Context) string) fetch {
	return single(Text, 0, func(c *Context, out *Value) bool { s := f(c); out.setText(s); return s != "" })
}

func constantTruth(b bool) fetch {
	return single(Truth, 0, func(_ *Context, out *Value) bool { out.setTruth(b); return true })
}

// transportFetches are what is known of the connections to the client and to the server.
var transportFetches = map[string]fetch{
	"fc_src":          address(func(c *Context) netip.Addr { return c.end(false, true).Addr() }),
	"fc_src_port":     port(func(c *Context) netip.AddrPort { return c.end(false, true) }),
	"fc_dst":          address(func(c *Context) netip.Addr { return c.end(false, false).Addr() }),
	"fc_dst_port":     port(func(c *Context) netip.AddrPort { return c.end(false, false) }),
	"fc_src_is_local": isLocal(func(c *Context) netip.Addr { return c.end(false, true).Addr() }),
	"fc_dst_is_local": isLocal(func(c *Context) netip.Addr { return c.end(false, false).Addr() }),
	"src_is_local":    isLocal(sourceOf),
	"dst_is_local":    isLocal(destinationOf),
	"fc_rcvd_proxy":   single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(c.State != nil && c.State.Prefaced()); return true }),
	"fc_pp_authority": introduced(func(authority, _ []byte) []byte { return authority }),
	"fc_pp_unique_id": introduced(func(_, id []byte) []byte { return id }),
	"fc_err":          figure(0, func(*Context) (int64, bool) { return 0, true }),
	"fc_err_str":      single(Text, 0, func(_ *Context, out *Value) bool { out.setText("Success"); return true }),
	"fc_rtt":          transport("rtt"), "fc_rttvar": transport("rttvar"), "fc_unacked": transport("unacked"), "fc_sacked": transport("sacked"),
	"fc_retrans": transport("retrans"), "fc_fackets": transport("fackets"), "fc_lost": transport("lost"), "fc_reordering": transport("reordering"),

	"bc_src":      address(func(c *Context) netip.Addr { return c.end(true, false).Addr() }),
	"bc_src_port": port(func(c *Context) netip.AddrPort { return c.end(true, false) }),
	"bc_dst":      address(func(c *Context) netip.Addr { return c.end(true, true).Addr() }),
	"bc_dst_port": port(func(c *Context) netip.AddrPort { return c.end(true, true) }),
	"bc_err":      figure(0, func(*Context) (int64, bool) { return 0, true }),
	"bc_err_str":  single(Text, 0, func(_ *Context, out *Value) bool { out.setText("Success"); return true }),
	"bc_http_major": single(Number, 0, func(c *Context, out *Value) bool {
		if c.State == nil || c.Server == "" {
			return false
		}
		http2, _ := c.State.ServerSpeaks()
		out.setNumber(1 + truthNumber(http2))
		return true
	}),

	"fe_id":  figure(0, func(c *Context) (int64, bool) { return c.State.Proxy(c.Frontend, false, "id") }),
	"be_id":  figure(0, func(c *Context) (int64, bool) { return c.State.Proxy(c.Backend, true, "id") }),
	"srv_id": figure(0, func(c *Context) (int64, bool) { return c.State.Server(c.Backend, c.Server, "id") }),
	"so_id":  listenerFigure("id"),
	"so_name": textOf(func(c *Context) string {
		if c.State == nil {
			return ""
		}
		name, _ := c.State.Listener("id")
		return name
	}),
	"dst_conn": listenerFigure("conn"),
	"fe_defbe": textOf(func(c *Context) string {
		if c.State == nil {
			return ""
		}
		return c.State.DefaultBackend()
	}),
	"fe_client_timeout": figure(0, func(c *Context) (int64, bool) { return c.State.Proxy("", false, "client") }),
	"be_server_timeout": figure(0, func(c *Context) (int64, bool) { return c.State.Proxy("", true, "server") }),
	"be_tunnel_timeout": figure(0, func(c *Context) (int64, bool) { return c.State.Proxy("", true, "tunnel") }),

	"cur_server_timeout": figure(0, func(c *Context) (int64, bool) { return c.State.Proxy("", true, "current_server") }),
	"cur_tunnel_timeout": figure(0, func(c *Context) (int64, bool) { return c.State.Proxy("", true, "current_tunnel") }),

	"prio_class":  single(Number, 0, func(c *Context, out *Value) bool { out.setNumber(c.PriorityClass); return true }),
	"prio_offset": single(Number, 0, func(c *Context, out *Value) bool { out.setNumber(c.PriorityOffset); return true }),

	"last_rule_file": textOf(func(c *Context) string { return c.LastRule[:max(0, strings.LastIndexByte(c.LastRule, ':'))] }),
	"last_rule_line": single(Number, 0, func(c *Context, out *Value) bool {
		n, err := strconv.ParseInt(c.LastRule[strings.LastIndexByte(c.LastRule, ':')+1:], 10, 64)
		out.setNumber(n)
		return err == nil
	}),

	"be_conn_free": proxyFigure(true, "conn_free"), "connslots": proxyFigure(true, "conn_slots"), "avg_queue": proxyFigure(true, "avg_queue"),
	"fe_req_rate": proxyFigure(false, "req_rate"),
	"srv_conn":    serverFigure("conn"), "srv_conn_free": serverFigure("conn_free"), "srv_sess_rate": serverFigure("sess_rate"), "srv_queue": serverFigure("queue"),
	"srv_weight": serverFigure("weight"), "srv_iweight": serverFigure("iweight"), "srv_uweight": serverFigure("uweight"),
}

func truthNumber(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func proxyFigure(backend bool, name string) fetch {
	return named(Number, 1, func(s State, _ *Context, of string) (int64, bool) { return s.Proxy(of, backend, name) })
}

func serverFigure(name string) fetch {
	return fetch{Number, 0, 1, 1, func(args []string) (get, error) {
		backend, server, ok := strings.Cut(args[0], "/")
		if !ok {
			backend, server = "", args[0]
		}
		return func(c *Context, i int, out *Value) bool {
			if i > 0 || c.State == nil {
				return false
			}
			n, ok := c.State.Server(c.backendOr(backend), server, name)
			out.setNumber(n)
			return ok
		}, nil
	}}
}

// processFetches are what is known of the process, and further constants.
var processFetches = map[string]fetch{
	"bin": constant(Binary, func(s string, v *Value) error {
		b, err := hex.DecodeString(s)
		*v = Value{Kind: Binary, Bytes: b}
		return err
	}),
	"ipv4": constant(Address, setAddress), "ipv6": constant(Address, setAddress),
	"meth":   constant(Text, func(s string, v *Value) error { v.setText(s); return nil }),
	"nbproc": single(Number, 0, func(_ *Context, out *Value) bool { out.setNumber(1); return true }),
	"proc":   single(Number, 0, func(_ *Context, out *Value) bool { out.setNumber(1); return true }),
	"thread": listenerFigure("thread"),
	"stopping": single(Truth, 0, func(c *Context, out *Value) bool {
		if c.State == nil {
			return false
		}
		_, stopping := c.State.Listener("stopping")
		out.setTruth(stopping == 1)
		return true
	}),
	"wait_end": single(Truth, 0, func(c *Context, out *Value) bool {
		c.undecided = true
		out.setTruth(!c.Partial)
		return true
	}),
	"date_us": single(Number, 0, func(c *Context, out *Value) bool {
		out.setNumber(int64(c.Now.Nanosecond()) / int64(time.Microsecond))
		return true
	}),
	"uuid": {Text, 0, 0, 1, func(args []string) (get, error) {
		if version, err := numberOr(args, 0, 4); err != nil || version != 4 {
			return nil, fmt.Errorf("there is version 4 only, not %q", args[0])
		}
		return func(_ *Context, i int, out *Value) bool { out.setText(randomUUID()); return i == 0 }, nil
	}},
}

func setAddress(s string, v *Value) error {
	a, err := netip.ParseAddr(s)
	v.setAddr(a)
	return err
}

// randomUUID is a UUID of version 4 (RFC 9562, 5.4).
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it does not fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
