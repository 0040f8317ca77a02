package config

import (
	"maps"
	"slices"
	"strings"

	"holdfast/traffic/proxy/compress"
)

// Compression is a proxy's `compression`.
type Compression struct {
	Algorithms []compress.Algorithm
	Types      []string // what content types begin with; none: all
	Offload    bool     // servers are not told that clients take coded answers
}

// CompressionLimits bound what compression takes of the process.
type CompressionLimits struct {
	Level int // tune.comp.maxlevel; 0: the fastest
	Rate  int // maxcomprate, KiB a second; 0: no limit
	Usage int // maxcompcpuusage, percent of the processors; 0: no limit
}

// compressionDirectives are the global section's.
func compressionDirectives() map[string]directive {
	return map[string]directive{
		"maxcomprate": globalCount(0, 1<<30, func(g *Global, n int) { g.Compression.Rate = n }),
		"maxcompcpuusage": globalCount(0, 100, func(g *Global, n int) {
			if g.Compression.Usage = n; n == 100 {
				g.Compression.Usage = 0
			}
		}),
		"tune.comp.maxlevel": globalCount(1, 9, func(g *Global, n int) { g.Compression.Level = n }),
	}
}

// compressionLine reads compression algo|type WORD… and compression offload.
func compressionLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	c := Compression{}
	if p.proxy.Compression != nil {
		c = *p.proxy.Compression
	}
	switch l.Words[1] {
	case "algo":
		if problem := l.wants(2, -1); problem != nil {
			return problem
		}
		c.Algorithms = slices.Clone(c.Algorithms)
		for _, w := range l.Words[2:] {
			a, ok := compress.Names[w]
			if !ok {
				return l.unknown("compression algo", w, slices.Collect(maps.Keys(compress.Names)), nil)
			}
			c.Algorithms = append(c.Algorithms, a)
		}
	case "type":
		if problem := l.wants(2, -1); problem != nil {
			return problem
		}
		c.Types = slices.Concat(c.Types, l.Words[2:])
	case "offload":
		if p.proxy.defaults {
			return l.problem("compression offload may not stand in a defaults section")
		}
		c.Offload = true
		if problem := l.wants(1, 1); problem != nil {
			return problem
		}
	case "direction":
		if problem := l.wants(2, 2); problem != nil {
			return problem
		}
		if l.Words[2] != "response" {
			return l.problem("compression direction takes response here, not %q: requests go on as they came", l.Words[2])
		}
	default:
		return l.problem("compression takes algo, type, offload or direction, not %q", l.Words[1])
	}
	p.proxy.Compression = &c
	return nil
}

// filterLine reads filter NAME …. Filters run in an order of their own here: an answer is stored before it is compressed.
func filterLine(p *parser, l Line) *Problem {
	if problem := l.wants(1, -1); problem != nil {
		return problem
	}
	switch l.Words[1] {
	case "compression":
		return l.wants(1, 1)
	case "cache":
		if problem := l.wants(2, 2); problem != nil {
			return problem
		}
		p.needsCache(l, l.Words[2])
		return nil
	case "bwlim-in", "bwlim-out":
		return p.bandwidthFilter(l)
	}
	refused := words("spoe fcgi-app opentracing trace lua.NAME")
	if strings.HasPrefix(l.Words[1], "lua.") {
		return l.problem("filter %s: Lua is not offered", l.Words[1])
	}
	return l.unknown("filter", l.Words[1], fields("compression cache bwlim-in bwlim-out"), refused)
}
