package config

// HTTP2 is what tune.h2 sets for one side.
type HTTP2 struct {
	HeaderTable int // bytes of the table that decodes what the peer sends
	Window      int // of a stream, in bytes
	Streams     int // at once
	Frame       int // largest payload
	Glitches    int // a second, beyond which a peer is taken for an attacker; 0: any number
	Total       int // streams after which a client's connection is replaced; 0: any number
}

func defaultHTTP2() HTTP2 {
	return HTTP2{HeaderTable: 4096, Window: 65535, Streams: 100, Frame: 16384, Glitches: 1000}
}

// http2Directives are tune.h2's: for both sides, or for clients (fe) and servers (be) alone.
func http2Directives() map[string]directive {
	all := map[string]directive{}
	add := func(name string, minimum, maximum int, of func(*HTTP2) *int) {
		all["tune.h2."+name] = globalCount(minimum, maximum, func(g *Global, n int) { *of(&g.Clients2), *of(&g.Servers2) = n, n })
		all["tune.h2.fe."+name] = globalCount(minimum, maximum, func(g *Global, n int) { *of(&g.Clients2) = n })
		all["tune.h2.be."+name] = globalCount(minimum, maximum, func(g *Global, n int) { *of(&g.Servers2) = n })
	}
	add("header-table-size", 0, 65535, func(h *HTTP2) *int { return &h.HeaderTable })
	add("initial-window-size", 0, 1<<30, func(h *HTTP2) *int { return &h.Window })
	add("max-concurrent-streams", 1, 1<<20, func(h *HTTP2) *int { return &h.Streams })
	add("max-frame-size", 16384, 65535, func(h *HTTP2) *int { return &h.Frame })
	add("glitches-threshold", 0, 1<<30, func(h *HTTP2) *int { return &h.Glitches })
	add("max-total-streams", 0, 1<<30, func(h *HTTP2) *int { return &h.Total })
	for _, name := range []string{"tune.h2.glitches-threshold", "tune.h2.max-total-streams", "tune.h2.be.max-total-streams"} {
		delete(all, name) // HAProxy has them for one side only
	}
	for _, name := range []string{"header-table-size", "max-frame-size"} {
		delete(all, "tune.h2.fe."+name)
		delete(all, "tune.h2.be."+name)
	}
	return all
}
