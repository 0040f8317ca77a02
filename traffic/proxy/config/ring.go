package config

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Ring is a ring section: log lines that are kept in memory, as many as there is room for, and passed on to servers over streams.
type Ring struct {
	Name        string
	Description string
	Format      string
	Length      int // of a line, in bytes, at most
	Size        int // bytes of all lines
	Connect     time.Duration
	Write       time.Duration // timeout server
	Servers     []*RingServer
	bounded     [2]bool // timeout connect and timeout server were there
}

// RingServer is where a ring's lines go.
type RingServer struct {
	Name    string
	Network string // tcp, unix
	Address string
	Counted bool // log-proto octet-count: a line's length stands before it (RFC 6587, 3.4.1); else a line's end behind it
}

// smallestRing is the size of a ring that says none; it can only grow.
const smallestRing = 16384

func beginRing(p *parser, l Line) *Problem {
	r := &Ring{Format: "raw", Length: 1024, Size: smallestRing, Connect: 5 * time.Second, Write: 5 * time.Second}
	p.ring = r
	p.later = append(p.later, func() {
		if len(r.Servers) > 0 && r.bounded != [2]bool{true, true} {
			p.warn(l, "ring %s: timeouts are missing: set `timeout connect` and `timeout server`; they are 5 seconds", r.Name)
		}
		if r.Length > r.Size {
			p.warn(l, "ring %s: maxlen %d is more than its size %d, which is the most that a line can have", r.Name, r.Length, r.Size)
			r.Length = r.Size
		}
	})
	return enter(l, p.config.Rings, p.ring, &p.ring.Name)
}

var ringDirectives map[string]directive

func init() {
	ringDirectives = map[string]directive{
		"description": func(p *parser, l Line) *Problem {
			p.ring.Description = strings.Join(l.Words[1:], " ")
			return l.wants(1, -1)
		},
		"format": func(p *parser, l Line) *Problem {
			t := l.take(1)
			if p.ring.Format = t.value("format"); !slices.Contains(logFormats, p.ring.Format) {
				t.fail("format %q is not known; there are %s", p.ring.Format, strings.Join(logFormats, ", "))
			}
			return t.err
		},
		"maxlen": func(p *parser, l Line) *Problem {
			t := l.take(1)
			p.ring.Length = t.count("maxlen", 80, 65535)
			return t.err
		},
		"size": func(p *parser, l Line) *Problem {
			if problem := l.wants(1, 1); problem != nil {
				return problem
			}
			n, err := size(l.Words[1])
			if err != nil || n < p.ring.Size || n > 1<<30 {
				return l.problem("size: %q is not a size from %d, which it has already, to 1g", l.Words[1], p.ring.Size)
			}
			p.ring.Size = n
			return nil
		},
		"timeout": func(p *parser, l Line) *Problem {
			t := l.take(1)
			switch which := t.next(); which {
			case "connect":
				p.ring.Connect, p.ring.bounded[0] = t.duration(which), true
			case "server":
				p.ring.Write, p.ring.bounded[1] = t.duration(which), true
			default:
				t.fail("timeout: there are connect and server in a ring, not %q", which)
			}
			return t.err
		},
		"server": ringServer,
	}
}

func ringLine(p *parser, l Line) *Problem {
	d, ok := ringDirectives[l.Words[0]]
	if !ok {
		return l.unknown("directive of a ring", l.Words[0], slices.Collect(maps.Keys(ringDirectives)), words("backing-file"))
	}
	return d(p, l)
}

// ringServer reads server NAME ADDRESS:PORT [log-proto octet-count|legacy].
func ringServer(p *parser, l Line) *Problem {
	if problem := l.wants(2, -1); problem != nil {
		return problem
	}
	s := &RingServer{Name: l.Words[1]}
	if slices.ContainsFunc(p.ring.Servers, func(other *RingServer) bool { return other.Name == s.Name }) {
		return l.problem("there is a server %q already", s.Name)
	}
	if problem := p.streamAddress(s, l, l.Words[2]); problem != nil {
		return problem
	}
	t := l.take(3)
	for t.more() {
		switch w := t.next(); w {
		case "log-proto":
			v := t.value(w)
			if s.Counted = v == "octet-count"; !s.Counted && v != "legacy" {
				t.fail("log-proto takes octet-count or legacy, not %q", v)
			}
		default:
			return l.unknown("option of a ring's server", w, []string{"log-proto"}, words(strings.Join(slices.Collect(maps.Keys(serverOptions)), " ")+" ssl verify crt ca-file sni"))
		}
	}
	p.ring.Servers = append(p.ring.Servers, s)
	return t.err
}

func (p *parser) streamAddress(s *RingServer, l Line, text string) *Problem {
	a, err := p.place(text)
	switch {
	case err != nil:
		return l.problem("%s: %v", l.Words[0], err)
	case a.network == "unix":
		s.Network, s.Address = "unix", a.path
	case a.network == "tcp" && a.first > 0 && a.first == a.last && !a.relative:
		s.Network, s.Address = "tcp", addressWithPort(a, a.first)
	default:
		return l.problem("%s: an address with one port, or a path, is expected, not %q", l.Words[0], text)
	}
	return nil
}

// streamLog makes the ring behind a log line that names a stream: tcp@ADDRESS:PORT.
func (p *parser) streamLog(target *LogTarget, l Line, address string) *Problem {
	name := address
	if p.config.Rings[name] == nil {
		s := &RingServer{Name: "stream"}
		if problem := p.streamAddress(s, l, address); problem != nil {
			return problem
		}
		p.config.Rings[name] = &Ring{Name: name, Format: target.Format, Length: target.Length, Size: 1 << 20, Connect: 5 * time.Second, Write: 5 * time.Second, Servers: []*RingServer{s}}
	}
	target.Network, target.Address = "ring", name
	return nil
}

// Sample is which lines of so many a log target takes.
type Sample struct {
	Of    int
	Takes []bool // by the line's place
}

// sample reads RANGES:SIZE, where ranges are numbers and FROM-TO from 1 on, with commas between.
func (t *taker) sample() *Sample {
	text := t.value("sample")
	ranges, of, ok := strings.Cut(text, ":")
	n, err := count(of, 1, 1<<16)
	if t.err != nil || !ok || err != nil {
		t.fail("log: sample wants ranges, a colon and how many lines they are of, not %q", text)
		return nil
	}
	s := &Sample{Of: n, Takes: make([]bool, n)}
	for one := range strings.SplitSeq(ranges, ",") {
		low, high, isRange := strings.Cut(one, "-")
		if !isRange {
			high = low
		}
		from, err1 := count(low, 1, n)
		to, err2 := count(high, from, n)
		if err1 != nil || err2 != nil {
			t.fail("log: sample: %q is not a range within 1 to %d", one, n)
			return nil
		}
		for i := from; i <= to; i++ {
			s.Takes[i-1] = true
		}
	}
	return s
}
