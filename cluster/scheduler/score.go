package scheduler

import (
	"strconv"

	"holdfast/cluster/cib/rule"
)

// infinity is the score that stands for certainty. Minus infinity wins over it.
const infinity = rule.Infinity

// addScores adds two scores as the cluster does: minus infinity with anything is
// minus infinity, then infinity with anything is infinity, and sums are cut there.
func addScores(a, b int) int {
	switch {
	case a <= -infinity || b <= -infinity:
		return -infinity
	case a >= infinity || b >= infinity:
		return infinity
	}
	return max(-infinity, min(infinity, a+b))
}

// scoreText writes a score as people do.
func scoreText(score int) string {
	switch {
	case score >= infinity:
		return "INFINITY"
	case score <= -infinity:
		return "-INFINITY"
	}
	return strconv.Itoa(score)
}

// parseScore reads a score; fallback counts when text is none.
func parseScore(text string, fallback int) int {
	if n, ok := rule.ParseScore(text); ok {
		return n
	}
	return fallback
}

func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for j := range b {
				if b[j] >= 'A' && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// compareNames orders names so that numbers in them count as numbers: n9 before n10.
func compareNames(a, b string) int {
	for len(a) > 0 && len(b) > 0 {
		if isDigit(a[0]) && isDigit(b[0]) {
			x, restA := leadingNumber(a)
			y, restB := leadingNumber(b)
			if x != y {
				if x < y {
					return -1
				}
				return 1
			}
			a, b = restA, restB
			continue
		}
		x, y := foldByte(a[0]), foldByte(b[0])
		if x != y {
			return int(x) - int(y)
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func foldByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func leadingNumber(s string) (uint64, string) {
	i := 0
	var n uint64
	for i < len(s) && isDigit(s[i]) {
		n = n*10 + uint64(s[i]-'0')
		i++
	}
	return n, s[i:]
}

// CompareNames orders names of nodes and resources as people expect: numbers within them
// count as numbers, case does not.
func CompareNames(a, b string) int { return compareNames(a, b) }
