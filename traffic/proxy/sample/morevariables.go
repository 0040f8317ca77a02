package sample

import (
	"fmt"
	"os"
)

// processVariables are those of the process and of counters, and what log formats have of TLS.
var processVariables = map[string]func(dst []byte, c *Context) []byte{
	"H": func(dst []byte, _ *Context) []byte {
		name, _ := os.Hostname()
		return append(dst, name...)
	},
	"pid": func(dst []byte, _ *Context) []byte { return number(dst, int64(os.Getpid())) },
	"rt":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.RequestNumber) },
	"lc":  func(dst []byte, c *Context) []byte { return number(dst, c.Log.LineNumber) },
	"Td": func(dst []byte, c *Context) []byte {
		r := c.Log
		if r.Response < 0 {
			return append(dst, "-1"...)
		}
		return milliseconds(dst, max(0, r.Total-max(0, r.Request)-max(0, r.Queue)-max(0, r.Connect)-r.Response))
	},
	"sslc": func(dst []byte, c *Context) []byte {
		if c.TLS == nil {
			return append(dst, '-')
		}
		return append(dst, CipherName(c.TLS.CipherSuite)...)
	},
	"sslv": func(dst []byte, c *Context) []byte {
		if c.TLS == nil {
			return append(dst, '-')
		}
		return append(dst, ProtocolName(c.TLS.Version)...)
	},
	"HPO": func(dst []byte, c *Context) []byte {
		if !c.Request.Present() {
			return append(dst, "<BADREQ>"...)
		}
		path, _ := PathOf(c.lineTarget())
		return appendEncoded(dst, path, inTarget)
	},
	"hrl": func(dst []byte, c *Context) []byte { return c.appendCapturesApart(dst, 0, c.AnswerCaptures, "", "-") },
	"hsl": func(dst []byte, c *Context) []byte {
		return c.appendCapturesApart(dst, c.AnswerCaptures, len(c.Captured), "", "-")
	},
}

func init() {
	for name, v := range processVariables {
		variables[name] = v
	}
}

// quotedLists are the variables that put each of several things in quotes.
var quotedLists = map[string]func(dst []byte, c *Context) []byte{
	"hrl": func(dst []byte, c *Context) []byte { return c.appendCapturesApart(dst, 0, c.AnswerCaptures, `"`, `""`) },
	"hsl": func(dst []byte, c *Context) []byte {
		return c.appendCapturesApart(dst, c.AnswerCaptures, len(c.Captured), `"`, `""`)
	},
}

// appendCapturesApart appends each capture apart from the others; none is what stands for one that found nothing.
func (c *Context) appendCapturesApart(dst []byte, from, to int, quote, none string) []byte {
	for i := from; i < min(to, len(c.Captured)); i++ {
		if i > from {
			dst = append(dst, ' ')
		}
		if c.Captured[i] == nil {
			dst = append(dst, none...)
			continue
		}
		dst = append(appendEncoded(append(dst, quote...), c.Captured[i], inCapture), quote...)
	}
	return dst
}

// hexadecimal are the variables that have a form in hexadecimal digits: addresses, ports and numbers (%{+X}).
var hexadecimal = map[string]func(dst []byte, c *Context) []byte{
	"ci": func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%X", c.Source.Addr().Unmap().AsSlice()) },
	"cp": func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%04X", c.Source.Port()) },
	"fi": func(dst []byte, c *Context) []byte {
		return fmt.Appendf(dst, "%X", c.Destination.Addr().Unmap().AsSlice())
	},
	"fp": func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%04X", c.Destination.Port()) },
	"bi": func(dst []byte, c *Context) []byte {
		return fmt.Appendf(dst, "%X", c.Log.ServerSource.Addr().Unmap().AsSlice())
	},
	"bp": func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%04X", c.Log.ServerSource.Port()) },
	"si": func(dst []byte, c *Context) []byte {
		return fmt.Appendf(dst, "%X", c.Log.ServerAddress.Addr().Unmap().AsSlice())
	},
	"sp":  func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%04X", c.Log.ServerAddress.Port()) },
	"Ts":  func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%04X", c.Log.Accepted.Unix()) },
	"ms":  func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%02X", c.Log.Accepted.Nanosecond()/1e6) },
	"pid": func(dst []byte, _ *Context) []byte { return fmt.Appendf(dst, "%04X", os.Getpid()) },
	"rt":  func(dst []byte, c *Context) []byte { return fmt.Appendf(dst, "%04X", c.Log.RequestNumber) },
}
