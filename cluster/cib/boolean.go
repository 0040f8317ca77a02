package cib

import "strings"

// ParseBool reads a boolean as Pacemaker's configuration spells it: true, on, yes, y or 1, and false, off, no, n or 0, in letters of either
// case. Anything else, as the empty text, is the fallback, which is the setting's default.
func ParseBool(text string, fallback bool) bool {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "y", "1":
		return true
	case "false", "off", "no", "n", "0":
		return false
	}
	return fallback
}
