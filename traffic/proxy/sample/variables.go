package sample

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// variables are what a percent sign stands for in a format (haproxy.cfg's documentation, 8.2.6).
var variables = map[string]func(dst []byte, c *Context) []byte{
	"ci": func(dst []byte, c *Context) []byte { return appendAddr(dst, c.Source.Addr()) },
	"cp": func(dst []byte, c *Context) []byte { return number(dst, int64(c.Source.Port())) },
	"fi": func(dst []byte, c *Context) []byte { return appendAddr(dst, c.Destination.Addr()) },
	"fp": func(dst []byte, c *Context) []byte { return number(dst, int64(c.Destination.Port())) },
	"bi": func(dst []byte, c *Context) []byte { return appendAddr(dst, c.Log.ServerSource.Addr()) },
	"bp": func(dst []byte, c *Context) []byte { return number(dst, int64(c.Log.ServerSource.Port())) },
	"si": func(dst []byte, c *Context) []byte { return appendAddr(dst, c.Log.ServerAddress.Addr()) },
	"sp": func(dst []byte, c *Context) []byte { return number(dst, int64(c.Log.ServerAddress.Port())) },
	"f":  func(dst []byte, c *Context) []byte { return append(dst, c.Frontend...) },
	"ft": func(dst []byte, c *Context) []byte {
		dst = append(dst, c.Frontend...)
		if c.TLS != nil {
			dst = append(dst, '~')
		}
		return dst
	},
	"b": func(dst []byte, c *Context) []byte {
		if c.Backend == "" {
			return append(dst, c.Frontend...) // it was answered before a backend was chosen
		}
		return append(dst, c.Backend...)
	},
	"s": func(dst []byte, c *Context) []byte {
		if c.Server == "" {
			return append(dst, "<NOSRV>"...)
		}
		return append(dst, c.Server...)
	},
	"t": func(dst []byte, c *Context) []byte {
		return c.Log.Accepted.AppendFormat(dst, "02/Jan/2006:15:04:05.000")
	},
	"tr": func(dst []byte, c *Context) []byte { return c.Log.Begun.AppendFormat(dst, "02/Jan/2006:15:04:05.000") },
	"T": func(dst []byte, c *Context) []byte {
		return c.Log.Accepted.UTC().AppendFormat(dst, "02/Jan/2006:15:04:05 +0000")
	},
	"trg": func(dst []byte, c *Context) []byte {
		return c.Log.Begun.UTC().AppendFormat(dst, "02/Jan/2006:15:04:05 +0000")
	},
	"Tl": func(dst []byte, c *Context) []byte {
		return c.Log.Accepted.AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
	},
	"trl": func(dst []byte, c *Context) []byte {
		return c.Log.Begun.AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
	},
	"Ts":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.Accepted.Unix()) },
	"ms":  func(dst []byte, c *Context) []byte { return number(dst, int64(c.Log.Accepted.Nanosecond()/1e6)) },
	"Th":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Handshake) },
	"Ti":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Idle) },
	"TR":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Request) },
	"Tq":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Request) },
	"Tw":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Queue) },
	"Tc":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Connect) },
	"Tr":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Response) },
	"Ta":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Total) },
	"Tt":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Total) },
	"Tu":  func(dst []byte, c *Context) []byte { return milliseconds(dst, c.Log.Total) },
	"ST":  func(dst []byte, c *Context) []byte { return number(dst, int64(c.Log.Status)) },
	"B":   func(dst []byte, c *Context) []byte { return number(dst, c.Log.Sent) },
	"U":   func(dst []byte, c *Context) []byte { return number(dst, c.Log.Received) },
	"CC":  func(dst []byte, c *Context) []byte { return orDash(dst, string(c.Log.RequestCookie)) },
	"CS":  func(dst []byte, c *Context) []byte { return orDash(dst, string(c.Log.AnswerCookie)) },
	"tsc": func(dst []byte, c *Context) []byte { return append(dst, c.Log.Termination[:]...) },
	"ts":  func(dst []byte, c *Context) []byte { return append(dst, c.Log.Termination[:2]...) },
	"ac":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.Process) },
	"fc":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.FrontendSessions) },
	"bc":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.BackendSessions) },
	"sc":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.ServerSessions) },
	"rc": func(dst []byte, c *Context) []byte {
		if c.Log.Redispatch {
			dst = append(dst, '+')
		}
		return number(dst, int64(c.Log.Retries))
	},
	"sq": func(dst []byte, c *Context) []byte { return number(dst, c.Log.ServerQueue) },
	"bq": func(dst []byte, c *Context) []byte { return number(dst, c.Log.BackendQueue) },
	"hr": func(dst []byte, c *Context) []byte { return c.appendCaptures(dst, 0, c.AnswerCaptures) },
	"hs": func(dst []byte, c *Context) []byte { return c.appendCaptures(dst, c.AnswerCaptures, len(c.Captured)) },
	"r":  appendRequestLine,
	"HM": func(dst []byte, c *Context) []byte {
		if !c.Request.Present() {
			return append(dst, "<BADREQ>"...)
		}
		method, _ := c.Request.Head.LineOf(c.Request.Bytes)
		return append(dst, method...)
	},
	"HU": func(dst []byte, c *Context) []byte {
		if !c.Request.Present() {
			return append(dst, "<BADREQ>"...)
		}
		return appendEncoded(dst, c.lineTarget(), inTarget)
	},
	"HP": func(dst []byte, c *Context) []byte {
		if !c.Request.Present() {
			return append(dst, "<BADREQ>"...)
		}
		path, _ := PathOf(c.lineTarget())
		return appendEncoded(dst, path, inTarget)
	},
	"HQ": func(dst []byte, c *Context) []byte {
		if c.Request.Present() {
			if _, q := PathOf(c.lineTarget()); q != nil {
				return appendEncoded(append(dst, '?'), q, inTarget)
			}
		}
		return dst
	},
	"HV": func(dst []byte, c *Context) []byte {
		if !c.Request.Present() {
			return append(dst, "<BADREQ>"...)
		}
		return appendVersion(dst, c)
	},
	"ID": func(dst []byte, c *Context) []byte { return append(dst, c.UniqueID...) },
}

func appendRequestLine(dst []byte, c *Context) []byte {
	if !c.Request.Present() {
		return append(dst, "<BADREQ>"...)
	}
	method, target := c.Request.Head.LineOf(c.Request.Bytes)
	dst = appendEncoded(append(append(dst, method...), ' '), target, inTarget)
	return appendVersion(append(dst, ' '), c)
}

func appendVersion(dst []byte, c *Context) []byte {
	if c.HTTP2 {
		return append(dst, "HTTP/2.0"...)
	}
	return number(append(dst, "HTTP/1."...), int64(c.Request.Head.Minor))
}

// appendCaptures appends {a|b}, with a blank before it; nothing where none is declared.
func (c *Context) appendCaptures(dst []byte, from, to int) []byte {
	if from >= to || to > len(c.Captured) {
		return dst
	}
	dst = append(dst, '{')
	for i, b := range c.Captured[from:to] {
		if i > 0 {
			dst = append(dst, '|')
		}
		dst = appendEncoded(dst, b, inCapture)
	}
	return append(dst, '}')
}

// The characters that would end a field of a log line, or look like the end of one.
const (
	inTarget  = `"#`
	inCapture = `{|}"#`
)

// appendEncoded appends what a client or server has sent: control characters, those that are not ASCII, and some others are # and two hexadecimal digits.
func appendEncoded(dst, text []byte, others string) []byte {
	for _, b := range text {
		if b < ' ' || b >= 0x7f || strings.IndexByte(others, b) >= 0 {
			dst = append(dst, '#', "0123456789ABCDEF"[b>>4], "0123456789ABCDEF"[b&15])
			continue
		}
		dst = append(dst, b)
	}
	return dst
}

func number(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

func milliseconds(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, "-1"...)
	}
	return number(dst, d.Milliseconds())
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, '-')
	}
	return a.Unmap().AppendTo(dst)
}

func orDash(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return append(dst, s...)
}
