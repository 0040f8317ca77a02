package cib

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// SyntaxError says where a document stops being XML.
type SyntaxError struct {
	File    string // "" when the document has no file
	Line    int    // 1-based
	Element string // the innermost open element, "" outside any
	Problem string // what is wrong and what was expected
}

func (e *SyntaxError) Error() string {
	file := e.File
	if file == "" {
		file = "document"
	}
	if e.Element == "" {
		return fmt.Sprintf("%s:%d: %s", file, e.Line, e.Problem)
	}
	return fmt.Sprintf("%s:%d: in <%s>: %s", file, e.Line, e.Element, e.Problem)
}

// maxDepth bounds nesting, so that a hostile document cannot exhaust the stack of
// the recursive walks. Real documents stay below 20.
const maxDepth = 512

// Parse reads one document. file names it in messages. The text is XML 1.0 in
// UTF-8 without entity declarations (a DOCTYPE is skipped, its entities refused).
func Parse(file string, text []byte) (*Document, error) {
	root, err := ParseElement(file, text)
	if err != nil {
		return nil, err
	}
	return &Document{Root: root, File: file}, nil
}

// ParseElement reads text that holds one element, with what comments surround it.
func ParseElement(file string, text []byte) (*Element, error) {
	// The parser works on one immutable string: names, values and texts without
	// escapes are substrings of it and cost no allocation.
	p := parser{file: file, text: string(text), line: 1}
	p.text = strings.TrimPrefix(p.text, "\ufeff")
	return p.document()
}

type parser struct {
	file  string
	text  string
	pos   int
	line  int
	open  []*Element
	slab  []Element // elements are handed out from slabs
	attr  []Attr
	mend  bool           // go on after an error, see Mend
	flaws []*SyntaxError // what was mended
}

// Mend reads text as Parse does, but where it is broken it goes on as well as it can:
// unclosed elements are closed, stray closing tags and what is no attribute are left
// out. flaws tells each place and what is wrong there. The error says that nothing could be read.
func Mend(file string, text []byte) (root *Element, flaws []*SyntaxError, err error) {
	p := parser{file: file, text: strings.TrimPrefix(string(text), "\ufeff"), line: 1, mend: true}
	root, err = p.document()
	return root, p.flaws, err
}

// tolerate returns nil when the parser mends, having noted err; otherwise err.
func (p *parser) tolerate(err error) error {
	flaw, ok := err.(*SyntaxError)
	if !p.mend || !ok {
		return err
	}
	p.flaws = append(p.flaws, flaw)
	return nil
}

func (p *parser) fail(format string, args ...any) error {
	e := &SyntaxError{File: p.file, Line: p.line, Problem: fmt.Sprintf(format, args...)}
	if n := len(p.open); n > 0 {
		e.Element = p.open[n-1].Name
	}
	return e
}

func (p *parser) newElement(kind Kind, name string) *Element {
	if len(p.slab) == 0 {
		p.slab = make([]Element, p.ahead(8, 256))
	}
	e := &p.slab[0]
	p.slab = p.slab[1:]
	e.Kind, e.Name, e.Line = kind, name, p.line
	return e
}

// ahead is the size of the next slab, by how much text is left: most texts are small.
func (p *parser) ahead(least, most int) int { return min(max(least, (len(p.text)-p.pos)/32), most) }

func (p *parser) document() (*Element, error) {
	var root *Element
	for {
		i := strings.IndexByte(p.text[p.pos:], '<')
		if i < 0 {
			break
		}
		if err := p.characters(p.text[p.pos : p.pos+i]); err != nil {
			return nil, err
		}
		if root == nil && len(p.open) == 0 && len(p.flaws) > 0 {
			return nil, p.flaws[0] // text before the root: this is no XML
		}
		p.pos += i
		done, err := p.markup()
		if err != nil {
			return nil, err
		}
		if done != nil {
			if root == nil {
				root = done
			} else if err := p.tolerate(p.fail("a second root element <%s>; a document has one", done.Name)); err != nil {
				return nil, err
			}
		}
	}
	if err := p.characters(p.text[p.pos:]); err != nil {
		return nil, err
	}
	if n := len(p.open); n > 0 {
		err := p.tolerate(p.fail("the file ends here, but <%s> of line %d is not closed", p.open[n-1].Name, p.open[n-1].Line))
		if err != nil {
			return nil, err
		}
		root = p.open[0]
	}
	if root == nil {
		return nil, p.fail("no element found; expected one such as <cib>")
	}
	return root, nil
}

// characters takes the text between two pieces of markup.
func (p *parser) characters(s string) error {
	line := p.line
	p.line += strings.Count(s, "\n")
	if strings.Trim(s, " \t\r\n") == "" {
		return nil
	}
	if len(p.open) == 0 {
		return p.tolerate(p.fail("text outside the root element: %.20q", strings.TrimSpace(s)))
	}
	value, err := p.unescape(s)
	if err != nil {
		return err
	}
	parent := p.open[len(p.open)-1]
	e := p.newElement(TextNode, "")
	e.Text, e.Line, e.Parent = value, line, parent
	parent.Children = append(parent.Children, e)
	return nil
}

// markup reads what starts with '<' at pos. It returns the root element when that was closed.
func (p *parser) markup() (*Element, error) {
	rest := p.text[p.pos:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return nil, p.enclosed("<!--", "-->", "comment")
	case strings.HasPrefix(rest, "<![CDATA["):
		return nil, p.enclosed("<![CDATA[", "]]>", "CDATA section")
	case strings.HasPrefix(rest, "<!"):
		return nil, p.enclosed("<!", ">", "declaration")
	case strings.HasPrefix(rest, "<?"):
		return nil, p.enclosed("<?", "?>", "processing instruction")
	case strings.HasPrefix(rest, "</"):
		return p.endTag()
	}
	return p.startTag()
}

func (p *parser) enclosed(start, end, what string) error {
	body := p.text[p.pos+len(start):]
	i := strings.Index(body, end)
	if i < 0 {
		return p.fail("%s is not closed; expected %q", what, end)
	}
	body = body[:i]
	p.pos += len(start) + i + len(end)
	line := p.line
	p.line += strings.Count(body, "\n")
	if len(p.open) == 0 {
		return nil
	}
	parent := p.open[len(p.open)-1]
	var e *Element
	switch start {
	case "<!--":
		e = p.newElement(CommentNode, "")
		e.Text = body
	case "<![CDATA[":
		if strings.Trim(body, " \t\r\n") == "" {
			return nil // as insignificant as white space written plainly
		}
		e = p.newElement(TextNode, "")
		e.Text = body
	case "<?":
		target, rest, _ := strings.Cut(body, " ")
		e = p.newElement(InstructionNode, target)
		e.Text = rest
	default:
		return p.fail("a declaration <!%.20s inside an element", body)
	}
	e.Line, e.Parent = line, parent
	parent.Children = append(parent.Children, e)
	return nil
}

func (p *parser) endTag() (*Element, error) {
	i := strings.IndexByte(p.text[p.pos:], '>')
	if i < 0 {
		return nil, p.fail("closing tag is not finished; expected '>'")
	}
	name := strings.TrimRight(p.text[p.pos+2:p.pos+i], " \t\r\n")
	n := len(p.open)
	var err error
	if n == 0 {
		err = p.fail("closing tag </%s> without an open element", name)
	} else if e := p.open[n-1]; e.Name != name {
		err = p.fail("closing tag </%s> found, </%s> expected (opened in line %d)", name, e.Name, e.Line)
		n = slices.IndexFunc(p.open, func(e *Element) bool { return e.Name == name }) + 1
	}
	if err != nil && p.tolerate(err) != nil {
		return nil, err
	}
	p.line += strings.Count(p.text[p.pos:p.pos+i], "\n")
	p.pos += i + 1
	if n == 0 {
		return nil, nil // mended: the tag is left out
	}
	e := p.open[n-1]
	p.open = p.open[:n-1]
	if n == 1 {
		return e, nil
	}
	return nil, nil
}

func (p *parser) startTag() (*Element, error) {
	p.pos++
	name := p.name()
	if name == "" {
		return nil, p.fail("element name expected after '<', found %.10q", p.text[p.pos:])
	}
	e := p.newElement(ElementNode, name)
	if cap(p.attr)-len(p.attr) < 8 {
		p.attr = make([]Attr, 0, p.ahead(16, 1024))
	}
	first := len(p.attr)
	for {
		p.space()
		if p.pos >= len(p.text) {
			if err := p.tolerate(p.fail("the file ends inside the tag <%s", name)); err != nil {
				return nil, err
			}
			p.finish(e, first)
			if len(p.open) == 0 {
				return e, nil
			}
			return nil, nil
		}
		switch p.text[p.pos] {
		case '>':
			p.pos++
			p.finish(e, first)
			if len(p.open) >= maxDepth {
				return nil, p.fail("elements nested more than %d deep", maxDepth)
			}
			p.open = append(p.open, e)
			return nil, nil
		case '/':
			if !strings.HasPrefix(p.text[p.pos:], "/>") {
				if err := p.tolerate(p.fail("'/>' expected at the end of the tag <%s", name)); err != nil {
					return nil, err
				}
				p.pos++
				continue
			}
			p.pos += 2
			p.finish(e, first)
			if len(p.open) == 0 {
				return e, nil
			}
			return nil, nil
		}
		before := p.pos
		if err := p.attribute(e, first); err != nil {
			if p.tolerate(err) != nil {
				return nil, err
			}
			if p.pos == before {
				p.pos++ // mended: the character is left out
			}
		}
	}
}

// finish gives e its attributes and its place in the tree.
func (p *parser) finish(e *Element, first int) {
	e.Attrs = p.attr[first:len(p.attr):len(p.attr)]
	if n := len(p.open); n > 0 {
		parent := p.open[n-1]
		e.Parent = parent
		parent.Children = append(parent.Children, e)
	}
}

func (p *parser) attribute(e *Element, first int) error {
	name := p.name()
	if name == "" {
		return p.fail("attribute name expected in <%s>, found %.10q", e.Name, p.text[p.pos:])
	}
	for _, a := range p.attr[first:] {
		if a.Name == name {
			return p.fail("attribute %s given twice in <%s>", name, e.Name)
		}
	}
	p.space()
	if p.pos >= len(p.text) || p.text[p.pos] != '=' {
		return p.fail("'=' expected after attribute %s of <%s>", name, e.Name)
	}
	p.pos++
	p.space()
	if p.pos >= len(p.text) || (p.text[p.pos] != '"' && p.text[p.pos] != '\'') {
		return p.fail("quoted value expected for attribute %s of <%s>", name, e.Name)
	}
	quote := p.text[p.pos]
	i := strings.IndexByte(p.text[p.pos+1:], quote)
	if i < 0 {
		return p.fail("value of attribute %s of <%s> is not closed; expected %c", name, e.Name, quote)
	}
	raw := p.text[p.pos+1 : p.pos+1+i]
	if strings.IndexByte(raw, '<') >= 0 {
		return p.fail("'<' in the value of attribute %s of <%s>; is a quote missing? write &lt; for the character", name, e.Name)
	}
	value, err := p.unescape(raw)
	if err != nil {
		return err
	}
	p.line += strings.Count(raw, "\n")
	p.pos += i + 2
	p.attr = append(p.attr, Attr{name, value})
	return nil
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '\n':
			p.line++
		case ' ', '\t', '\r':
		default:
			return
		}
		p.pos++
	}
}

// name takes an XML name; bytes above 0x7f are accepted as letters.
func (p *parser) name() string {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
		if !letter && (p.pos == start || c != '-' && c != '.' && (c < '0' || c > '9')) {
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

func (p *parser) unescape(s string) (string, error) {
	if strings.IndexByte(s, '&') < 0 {
		if !utf8.ValidString(s) {
			return "", p.fail("text is not UTF-8: %.20q", s)
		}
		return s, nil
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		name, rest, ok := strings.Cut(s[i+1:], ";")
		if !ok || len(name) > 10 {
			return "", p.fail("'&' starts an entity, but no ';' follows; write &amp; for the character")
		}
		r, err := p.entity(name)
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
		s = rest
	}
	if !utf8.ValidString(b.String()) {
		return "", p.fail("text is not UTF-8: %.20q", b.String())
	}
	return b.String(), nil
}

func (p *parser) entity(name string) (rune, error) {
	switch name {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	digits, base := name, 0
	if after, ok := strings.CutPrefix(digits, "#x"); ok {
		digits, base = after, 16
	} else if after, ok := strings.CutPrefix(digits, "#"); ok {
		digits, base = after, 10
	}
	if base != 0 {
		if n, err := strconv.ParseUint(digits, base, 21); err == nil && n > 0 && utf8.ValidRune(rune(n)) {
			return rune(n), nil
		}
	}
	return 0, p.fail("unknown entity &%s;; known are &amp; &lt; &gt; &quot; &apos; and character numbers", name)
}
