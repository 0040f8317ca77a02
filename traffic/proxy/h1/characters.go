package h1

// tokens are the characters of a token (RFC 9110, 5.6.2); targets those of a request target; values those of a field's
// value; authorities those of a host with its port.
var tokens, targets, values, authorities = characterTables()

func characterTables() (token, target, value, authority [256]bool) {
	for c := range 256 {
		letter := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		token[c], authority[c] = letter, letter
		target[c] = c > 0x20 && c < 0x7f
		value[c] = c >= 0x20 && c != 0x7f || c == '\t'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		token[c] = true
	}
	for _, c := range []byte("-._~!$&'()*+,;=:[]%") {
		authority[c] = true
	}
	return token, target, value, authority
}

func all(b []byte, table *[256]bool) bool {
	for _, c := range b {
		if !table[c] {
			return false
		}
	}
	return true
}

// IsToken tells whether b has the characters of a token only (RFC 9110, 5.6.2).
func IsToken(b []byte) bool { return all(b, &tokens) }

// IsTarget tells whether b has the characters of a request target only.
func IsTarget(b []byte) bool { return all(b, &targets) }

// IsValue tells whether b has the characters of a field's value only: no line break, no other control character.
func IsValue(b []byte) bool { return all(b, &values) }

// IsAuthority tells whether b is not empty and has the characters of a host and a port only.
func IsAuthority(b []byte) bool { return len(b) > 0 && all(b, &authorities) }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// EqualFold tells whether b is the word, which is in lower case, but for the case of ASCII letters.
func EqualFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range len(word) {
		if c := b[i]; c != word[i] && lower(c) != word[i] {
			return false
		}
	}
	return true
}

// EqualFoldBytes tells whether a and b differ at most in the case of ASCII letters.
func EqualFoldBytes(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
