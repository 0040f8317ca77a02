package h1

import (
	"bytes"
	"slices"
)

// Normalizer rewrites a request's target, which it does not change, so that targets which mean the same look the same (RFC 3986, 6.2.2). strict: what is no
// percent-encoding is an error (false), and dot segments that lead above the root are taken away too.
type Normalizer func(target []byte, strict bool) ([]byte, bool)

// Normalizers are those of `http-request normalize-uri`, by name.
var Normalizers = map[string]Normalizer{
	"path-merge-slashes":        onPath(mergeSlashes),
	"path-strip-dot":            onPath(stripDot),
	"path-strip-dotdot":         onPath(stripDotDot),
	"percent-to-uppercase":      upperPercent,
	"percent-decode-unreserved": decodeUnreserved,
	"query-sort-by-name":        sortQuery,
	"fragment-strip":            stripFragment,
	"fragment-encode":           encodeFragment,
}

// onPath makes a normalizer of the path alone.
func onPath(f func(path []byte, strict bool) []byte) Normalizer {
	return func(target []byte, strict bool) ([]byte, bool) {
		from := 0
		if i := bytes.Index(target, []byte("://")); i > 0 && target[0] != '/' {
			slash := bytes.IndexByte(target[i+3:], '/')
			if slash < 0 {
				return target, true
			}
			from = i + 3 + slash
		}
		to := len(target)
		if i := bytes.IndexAny(target[from:], "?#"); i >= 0 {
			to = from + i
		}
		path := f(target[from:to], strict)
		return slices.Concat(target[:from], path, target[to:]), true
	}
}

func mergeSlashes(path []byte, _ bool) []byte {
	out := make([]byte, 0, len(path))
	for i, c := range path {
		if c != '/' || i == 0 || path[i-1] != '/' {
			out = append(out, c)
		}
	}
	return out
}

func stripDot(path []byte, _ bool) []byte {
	var out []byte
	segments := bytes.Split(path, []byte("/"))
	for i, s := range segments {
		last := i == len(segments)-1
		if string(s) == "." && i > 0 {
			if last {
				out = append(out, '/')
			}
			continue
		}
		if i > 0 {
			out = append(out, '/')
		}
		out = append(out, s...)
	}
	return out
}

// stripDotDot takes segments away that .. goes back over. With full, .. at the beginning goes too.
func stripDotDot(path []byte, full bool) []byte {
	if len(path) == 0 || path[0] != '/' {
		return path
	}
	var kept [][]byte
	segments := bytes.Split(path[1:], []byte("/"))
	for i, s := range segments {
		last := i == len(segments)-1
		if string(s) != ".." {
			kept = append(kept, s)
			continue
		}
		switch {
		case len(kept) > 0 && string(kept[len(kept)-1]) != "..":
			kept = kept[:len(kept)-1]
		case !full:
			kept = append(kept, s)
		}
		if last {
			kept = append(kept, nil)
		}
	}
	return append([]byte{'/'}, bytes.Join(kept, []byte("/"))...)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// eachPercent hands each percent-encoded byte to f, which appends what becomes of it.
func eachPercent(target []byte, strict bool, f func(out []byte, value byte, raw []byte) []byte) ([]byte, bool) {
	out := make([]byte, 0, len(target))
	for i := 0; i < len(target); i++ {
		if target[i] != '%' {
			out = append(out, target[i])
			continue
		}
		if i+2 < len(target) {
			high, ok := hexDigit(target[i+1])
			if low, also := hexDigit(target[i+2]); ok && also {
				out = f(out, high<<4|low, target[i:i+3])
				i += 2
				continue
			}
		}
		if strict {
			return nil, false
		}
		out = append(out, '%')
	}
	return out, true
}

func upperPercent(target []byte, strict bool) ([]byte, bool) {
	return eachPercent(target, strict, func(out []byte, _ byte, raw []byte) []byte { return append(out, bytes.ToUpper(raw)...) })
}

func decodeUnreserved(target []byte, strict bool) ([]byte, bool) {
	return eachPercent(target, strict, func(out []byte, value byte, raw []byte) []byte {
		if value >= '0' && value <= '9' || value|0x20 >= 'a' && value|0x20 <= 'z' || bytes.IndexByte([]byte("-._~"), value) >= 0 {
			return append(out, value)
		}
		return append(out, raw...)
	})
}

func sortQuery(target []byte, _ bool) ([]byte, bool) {
	path, query, found := bytes.Cut(target, []byte("?"))
	if !found {
		return target, true
	}
	query, fragment, hasFragment := bytes.Cut(query, []byte("#"))
	parts := bytes.Split(query, []byte("&"))
	slices.SortStableFunc(parts, func(a, b []byte) int {
		x, _, _ := bytes.Cut(a, []byte("="))
		y, _, _ := bytes.Cut(b, []byte("="))
		return bytes.Compare(x, y)
	})
	out := slices.Concat(path, []byte("?"), bytes.Join(parts, []byte("&")))
	if hasFragment {
		out = slices.Concat(out, []byte("#"), fragment)
	}
	return out, true
}

func stripFragment(target []byte, _ bool) ([]byte, bool) {
	before, _, _ := bytes.Cut(target, []byte("#"))
	return before, true
}

func encodeFragment(target []byte, _ bool) ([]byte, bool) {
	return bytes.ReplaceAll(target, []byte("#"), []byte("%23")), true
}
