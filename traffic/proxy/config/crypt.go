package config

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"
	"strings"
)

// crypt hashes a password as crypt(3) does with $5$ (SHA-256) and $6$ (SHA-512): Ulrich Drepper's "Unix crypt using SHA-256
// and SHA-512". setting is a hash to compare with: its method, rounds and salt are used.
func crypt(password, setting string) string {
	m, ok := hashMethods[prefixOf(setting)]
	if !ok {
		return ""
	}
	rest := setting[3:]
	rounds, named := 5000, ""
	if after, ok := strings.CutPrefix(rest, "rounds="); ok {
		text, salt, _ := strings.Cut(after, "$")
		n, err := strconv.Atoi(text)
		if err != nil {
			return ""
		}
		rounds = min(max(n, 1000), 999999999)
		rest, named = salt, "rounds="+strconv.Itoa(rounds)+"$"
	}
	salt, _, _ := strings.Cut(rest, "$")
	salt = salt[:min(16, len(salt))]
	return setting[:3] + named + salt + "$" + m.encode(m.digest([]byte(password), []byte(salt), rounds))
}

type hashMethod struct {
	new   func() hash.Hash
	order [][3]int // which bytes of the digest become four characters; -1: none
	tail  int      // characters of the last group
}

var hashMethods = map[string]hashMethod{
	"$5$": {sha256.New, [][3]int{{0, 10, 20}, {21, 1, 11}, {12, 22, 2}, {3, 13, 23}, {24, 4, 14}, {15, 25, 5}, {6, 16, 26}, {27, 7, 17},
		{18, 28, 8}, {9, 19, 29}, {-1, 31, 30}}, 3},
	"$6$": {sha512.New, [][3]int{{0, 21, 42}, {22, 43, 1}, {44, 2, 23}, {3, 24, 45}, {25, 46, 4}, {47, 5, 26}, {6, 27, 48}, {28, 49, 7},
		{50, 8, 29}, {9, 30, 51}, {31, 52, 10}, {53, 11, 32}, {12, 33, 54}, {34, 55, 13}, {56, 14, 35}, {15, 36, 57}, {37, 58, 16},
		{59, 17, 38}, {18, 39, 60}, {40, 61, 19}, {62, 20, 41}, {-1, -1, 63}}, 2},
}

func prefixOf(setting string) string { return setting[:min(3, len(setting))] }

func knownHash(setting string) bool { _, ok := hashMethods[prefixOf(setting)]; return ok }

func (m hashMethod) digest(password, salt []byte, rounds int) []byte {
	b := m.sum(password, salt, password)
	a := m.new()
	a.Write(password)
	a.Write(salt)
	a.Write(repeated(b, len(password)))
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			a.Write(b)
		} else {
			a.Write(password)
		}
	}
	c := a.Sum(nil)
	p := repeated(m.sum(bytes.Repeat(password, len(password))), len(password))
	s := repeated(m.sum(bytes.Repeat(salt, 16+int(c[0]))), len(salt))
	for i := range rounds {
		h := m.new()
		first, last := c, p
		if i&1 == 1 {
			first, last = p, c
		}
		h.Write(first)
		if i%3 != 0 {
			h.Write(s)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		h.Write(last)
		c = h.Sum(nil)
	}
	return c
}

func (m hashMethod) sum(parts ...[]byte) []byte {
	h := m.new()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// repeated is b over and over up to n bytes.
func repeated(b []byte, n int) []byte {
	out := make([]byte, 0, n+len(b))
	for len(out) < n {
		out = append(out, b...)
	}
	return out[:n]
}

func (m hashMethod) encode(d []byte) string {
	const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var out strings.Builder
	for i, group := range m.order {
		var v uint32
		for _, at := range group {
			v <<= 8
			if at >= 0 {
				v |= uint32(d[at])
			}
		}
		n := 4
		if i == len(m.order)-1 {
			n = m.tail
		}
		for range n {
			out.WriteByte(alphabet[v&63])
			v >>= 6
		}
	}
	return out.String()
}
