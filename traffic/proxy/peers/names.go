package peers

// The names of servers go over a connection once; from then on they are told by the number that they had. A name comes as the length of what follows,
// the number, and where it is new, the name with its length; nothing follows where there is none.

// longestServerName bounds a name that a peer tells.
const longestServerName = 1024

// receivedNames are a peer's.
type receivedNames [cachedServerNames]string

func (n *receivedNames) read(r *reader) string {
	length := r.number()
	if length == 0 {
		return ""
	}
	if length > longestServerName+20 {
		r.failed = true
		return ""
	}
	inner := reader{b: r.take(int(length)), failed: r.failed}
	number := inner.number()
	if inner.failed || number == 0 || number > cachedServerNames {
		r.failed = true
		return ""
	}
	if len(inner.b) > 0 {
		n[number-1] = inner.text(longestServerName)
		r.failed = r.failed || inner.failed
	}
	return n[number-1]
}

// sentNames are those that the peer has; when all numbers are taken, the one given longest ago is given anew.
type sentNames struct {
	numbers map[string]uint64
	names   [cachedServerNames]string
	next    uint64
}

func (n *sentNames) append(b []byte, name string) []byte {
	if name == "" || len(name) > longestServerName {
		return appendNumber(b, 0)
	}
	if number, known := n.numbers[name]; known {
		inner := appendNumber(nil, number)
		return append(appendNumber(b, uint64(len(inner))), inner...)
	}
	if n.numbers == nil {
		n.numbers = map[string]uint64{}
	}
	at := n.next % cachedServerNames
	n.next++
	delete(n.numbers, n.names[at])
	n.names[at], n.numbers[name] = name, at+1
	inner := appendNumber(nil, at+1)
	inner = appendNumber(inner, uint64(len(name)))
	inner = append(inner, name...)
	return append(appendNumber(b, uint64(len(inner))), inner...)
}
