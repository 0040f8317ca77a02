package sample

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"maps"

	"holdfast/spelling"
)

// needs is what a fetch cannot do without; it decides where an expression may stand.
type needs uint8

const (
	needsRequest needs = 1 << iota
	needsAnswer
	needsBytes // of a tcp connection
	needsLocal // the address towards the server
)

// get writes the sample numbered i (of a header that comes several times, say) into out, and tells whether there is one.
type get func(c *Context, i int, out *Value) bool

// fetch is one entry of the table of fetches.
type fetch struct {
	kind    Kind
	needs   needs
	minimum int // arguments
	maximum int
	make    func(args []string) (get, error)
}

// single makes a fetch of something that is there at most once, without arguments.
func single(kind Kind, n needs, f func(c *Context, out *Value) bool) fetch {
	return fetch{kind, n, 0, 0, func([]string) (get, error) {
		return func(c *Context, i int, out *Value) bool { return i == 0 && f(c, out) }, nil
	}}
}

// fetches is the table of all that can be fetched, under each of its names.
var fetches = join(connectionFetches, transportFetches, processFetches, requestFetches, messageFetches, answerFetches, payloadFetches, stateFetches,
	protocolFetches, secureFetches, tableFetches)

func join(tables ...map[string]fetch) map[string]fetch {
	all := map[string]fetch{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// Expr is a fetch with the converters behind it.
type Expr struct {
	Text       string // as it was written
	get        get
	converters []convert
	kind       Kind // of the result
	needs      needs
	name       string // of the fetch
}

// Kind is the kind of what the expression gives.
func (e *Expr) Kind() Kind { return e.kind }

// OfAnswer tells whether the expression needs an answer; OfRequest, a request.
func (e *Expr) OfAnswer() bool { return e.needs&needsAnswer != 0 }

// OfRequest tells whether the expression needs a request.
func (e *Expr) OfRequest() bool { return e.needs&needsRequest != 0 }

// Get writes the first sample into out, and tells whether there is one.
func (e *Expr) Get(c *Context, out *Value) bool { return e.at(c, 0, out) == found }

type outcome uint8

const (
	found outcome = iota
	unconverted
	missing
)

func (e *Expr) at(c *Context, i int, out *Value) outcome {
	if !e.get(c, i, out) {
		return missing
	}
	for _, convert := range e.converters {
		if !convert(c, out) {
			return unconverted
		}
	}
	return found
}

// Append appends the first sample as text; nothing when there is none.
func (e *Expr) Append(dst []byte, c *Context) []byte {
	var v Value
	if !e.Get(c, &v) {
		return dst
	}
	return v.Append(dst)
}

// Files reads files that expressions name: patterns and maps.
type Files interface {
	ReadFile(name string) ([]byte, error)
}

// Compiler makes expressions. Maps are shared by all expressions that name the same file, and can be changed while they
// are in use.
type Compiler struct {
	Files Files
	Maps  map[string]*Map
	Lists map[string]*List
	// Inline are the patterns that stand in conditions themselves, in the order of these.
	Inline []*List
	// File and Line are where what is compiled stands.
	File    string
	Line    int
	ordinal int             // pattern files, maps and inline patterns so far
	acls    map[string]*ACL // of the proxy at hand
	// numbers are those that -u gives to patterns of the proxy at hand, and the ACLs they are in.
	numbers map[string]string
	proxy   string // the one at hand; "": none, or a defaults section

	compiled   []*Expr     // since somebody asked
	references []Reference // of what was compiled and not yet asked for
	process    *Process
}

// Expr compiles an expression such as `req.hdr(host),lower,field(1,:)`.
func (k *Compiler) Expr(text string) (*Expr, error) {
	calls, err := splitCalls(text)
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, err)
	}
	e := &Expr{Text: text, name: calls[0].name}
	f, ok := fetches[calls[0].name]
	if !ok {
		if why := refusedFetches[calls[0].name]; why != "" {
			return nil, fmt.Errorf("fetch %q is known to HAProxy but not offered here: %s", calls[0].name, why)
		}
		return nil, fmt.Errorf("fetch %q is not known%s", calls[0].name, nearest(calls[0].name, slices.Sorted(maps.Keys(fetches))))
	}
	if _, ofTable := tableFetches[calls[0].name]; ofTable && !strings.HasPrefix(calls[0].name, "sc") {
		calls[0].nameTable(k.proxy, f.maximum)
	}
	if err := calls[0].count(f.minimum, f.maximum); err != nil {
		return nil, fmt.Errorf("fetch %w", err)
	}
	if e.get, err = f.make(calls[0].args); err != nil {
		return nil, fmt.Errorf("fetch %q: %w", calls[0].name, err)
	}
	e.kind, e.needs = f.kind, f.needs
	k.refer(calls[0], f)
	for _, call := range calls[1:] {
		if err := e.addConverter(k, call); err != nil {
			return nil, err
		}
	}
	k.compiled = append(k.compiled, e)
	return e, nil
}

// Compiled hands out the expressions compiled since the last call.
func (k *Compiler) Compiled() []*Expr {
	all := k.compiled
	k.compiled = nil
	return all
}

// OfPastRequest tells whether the expression looks at a request in ways that an answer's rules cannot any more: only what is captured or small is kept.
func (e *Expr) OfPastRequest() bool {
	return e.OfRequest() && !strings.HasPrefix(e.name, "capture.") && !slices.Contains(keptOfRequests, e.name)
}

// OfComingAnswer tells whether the expression looks at an answer of which a request's rules know nothing yet.
func (e *Expr) OfComingAnswer() bool { return e.OfAnswer() && e.name != "capture.res.ver" }

// keptOfRequests are fetches that answers' rules can use: those that mean the message at hand, and what is kept.
var keptOfRequests = strings.Fields("cookie hdr http_first_req method req.method unique-id uri")

func (e *Expr) addConverter(k *Compiler, call call) error {
	v, ok := converters[call.name]
	if !ok {
		if why := refusedConverters[call.name]; why != "" {
			return fmt.Errorf("converter %q is known to HAProxy but not offered here: %s", call.name, why)
		}
		return fmt.Errorf("converter %q is not known%s", call.name, nearest(call.name, slices.Sorted(maps.Keys(converters))))
	}
	if call.name == "in_table" || strings.HasPrefix(call.name, "table_") && v.minimum == 1 { // where an element's number comes first, the table has to follow
		call.nameTable(k.proxy, 1)
	}
	if err := call.count(v.minimum, v.maximum); err != nil {
		return fmt.Errorf("converter %w", err)
	}
	if call.name == "iif" && e.kind == Address {
		return fmt.Errorf("converter %q: an address is neither true nor false", call.name)
	}
	convert, err := v.make(k, call.args)
	if err != nil {
		return fmt.Errorf("converter %q: %w", call.name, err)
	}
	k.referConverter(call)
	e.converters = append(e.converters, convert)
	e.kind = v.kind
	return nil
}

// call is a name with arguments.
type call struct {
	name string
	args []string
}

// nameTable adds the proxy's name, which is its table's, where that is the last argument and left out.
func (c *call) nameTable(proxy string, arguments int) {
	if proxy != "" && len(c.args) == arguments-1 {
		c.args = append(c.args, proxy)
	}
}

func (c call) count(minimum, maximum int) error {
	if len(c.args) < minimum || maximum >= 0 && len(c.args) > maximum {
		return fmt.Errorf("%q takes %s arguments, not %d", c.name, countRange(minimum, maximum), len(c.args))
	}
	return nil
}

func countRange(minimum, maximum int) string {
	switch {
	case maximum < 0:
		return fmt.Sprintf("at least %d", minimum)
	case minimum == maximum:
		return strconv.Itoa(minimum)
	}
	return fmt.Sprintf("%d to %d", minimum, maximum)
}

func nearest(word string, known []string) string {
	if near := spelling.Nearest(word, known, 2); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// splitCalls splits name(args),name(args),name at the commas outside parentheses.
func splitCalls(text string) ([]call, error) {
	var calls []call
	for rest := text; ; {
		end := strings.IndexAny(rest, "(,")
		if end < 0 {
			end = len(rest)
		}
		c := call{name: rest[:end]}
		rest = rest[end:]
		if strings.HasPrefix(rest, "(") {
			var err error
			if c.args, rest, err = splitArguments(rest[1:]); err != nil {
				return nil, err
			}
		}
		if c.name == "" {
			return nil, fmt.Errorf("a name is missing")
		}
		calls = append(calls, c)
		if rest == "" {
			return calls, nil
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("a comma is expected before %q", rest)
		}
		rest = rest[1:]
	}
}

// splitArguments reads a,b,c) with quotes and backslashes, and parentheses that match.
func splitArguments(text string) (args []string, rest string, err error) {
	var arg strings.Builder
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && quote != '\'' && strings.IndexByte(`\'",() `, text[i+1]) >= 0:
			i++
			arg.WriteByte(text[i])
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				arg.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
			arg.WriteByte(c)
		case c == ')' && depth > 0:
			depth--
			arg.WriteByte(c)
		case c == ')':
			if args != nil || arg.Len() > 0 {
				args = append(args, arg.String())
			}
			return args, text[i+1:], nil
		case c == ',' && depth == 0:
			args = append(args, arg.String())
			arg.Reset()
		default:
			arg.WriteByte(c)
		}
	}
	return nil, "", fmt.Errorf("a closing parenthesis is missing")
}

// Gives tells whether the expression gives keys of a stick-table's type: ip, ipv6, integer, string or binary.
func (e *Expr) Gives(table string) bool {
	switch table {
	case "ip", "ipv6":
		return e.kind != Binary && e.kind != Truth
	case "integer":
		return e.kind != Binary
	}
	return true
}
