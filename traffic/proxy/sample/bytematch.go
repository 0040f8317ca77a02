package sample

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// compileBytes compiles patterns of hexadecimal digits, which are compared with the value's bytes.
func compileBytes(patterns []string) (matcher, error) {
	m := &textMatcher{compare: bytes.Equal, exact: true}
	for _, p := range patterns {
		b, err := hex.DecodeString(p)
		if err != nil {
			return nil, fmt.Errorf("%q is not a row of hexadecimal digits", p)
		}
		m.patterns = append(m.patterns, b)
	}
	return m, nil
}
