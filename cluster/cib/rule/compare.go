package rule

import (
	"strconv"
	"strings"
)

// comparison decides how two values are compared: string, integer, number or version.
func comparison(kind, operation, a, b string) string {
	switch kind {
	case "string", "integer", "number", "version":
		return kind
	}
	switch operation {
	case "lt", "lte", "gt", "gte":
		if strings.Contains(a, ".") || strings.Contains(b, ".") {
			return "number"
		}
		return "integer"
	}
	return "string"
}

// compare orders two values. What is no number is compared as a string.
func compare(a, b, kind string) int {
	switch kind {
	case "integer":
		x, okX := leadingInteger(a)
		y, okY := leadingInteger(b)
		if okX && okY {
			return order(x, y)
		}
	case "number":
		x, errX := strconv.ParseFloat(strings.TrimSpace(a), 64)
		y, errY := strconv.ParseFloat(strings.TrimSpace(b), 64)
		if errX == nil && errY == nil {
			return order(x, y)
		}
	case "version":
		return CompareVersions(a, b)
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

func order[T int64 | float64](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// leadingInteger reads an integer; a fraction after it is cut off.
func leadingInteger(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	return n, err == nil
}

// CompareVersions orders two versions field by field, as numbers: 1.10 is after 1.9.
func CompareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		var x, y int64
		if i < len(as) {
			x, _ = strconv.ParseInt(as[i], 10, 64)
		}
		if i < len(bs) {
			y, _ = strconv.ParseInt(bs[i], 10, 64)
		}
		if o := order(x, y); o != 0 {
			return o
		}
	}
	return 0
}
