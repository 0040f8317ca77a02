package cib

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteTo writes the document as indented XML, two spaces a level, as Pacemaker does.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(d.Bytes())
	return int64(n), err
}

// Bytes returns the document as indented XML with a final newline.
func (d *Document) Bytes() []byte {
	var b bytes.Buffer
	d.Root.format(&b, 0)
	return b.Bytes()
}

// String returns the element as indented XML with a final newline.
func (e *Element) String() string {
	var b bytes.Buffer
	e.format(&b, 0)
	return b.String()
}

// Compact returns the element on one line, without white space between elements.
func (e *Element) Compact() string {
	var b bytes.Buffer
	e.compact(&b)
	return b.String()
}

func (e *Element) compact(b *bytes.Buffer) {
	switch e.Kind {
	case CommentNode:
		b.WriteString("<!--" + e.Text + "-->")
		return
	case InstructionNode:
		b.WriteString("<?" + e.Name + " " + e.Text + "?>")
		return
	case TextNode:
		escape(b, e.Text, false)
		return
	case CDATANode:
		b.WriteString(cdataStart + e.Text + cdataEnd)
		return
	}
	e.startTag(b)
	if len(e.Children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	for _, c := range e.Children {
		c.compact(b)
	}
	b.WriteString("</" + e.Name + ">")
}

func (e *Element) startTag(b *bytes.Buffer) {
	b.WriteByte('<')
	b.WriteString(e.Name)
	for i := range e.Attrs {
		b.WriteByte(' ')
		b.WriteString(e.Attrs[i].Name)
		b.WriteString(`="`)
		escape(b, e.Attrs[i].Value, true)
		b.WriteByte('"')
	}
}

func (e *Element) format(b *bytes.Buffer, depth int) {
	indent(b, depth)
	switch e.Kind {
	case CommentNode:
		b.WriteString("<!--" + e.Text + "-->\n")
		return
	case InstructionNode:
		b.WriteString("<?" + e.Name + " " + e.Text + "?>\n")
		return
	case TextNode:
		escape(b, e.Text, false)
		b.WriteByte('\n')
		return
	case CDATANode:
		b.WriteString(cdataStart + e.Text + cdataEnd + "\n")
		return
	}
	e.startTag(b)
	switch {
	case len(e.Children) == 0:
		b.WriteString("/>\n")
	case e.hasText():
		b.WriteByte('>')
		for _, c := range e.Children {
			if c.Kind == TextNode {
				escape(b, c.Text, false)
				continue
			}
			var inner bytes.Buffer
			c.format(&inner, 0)
			b.Write(bytes.TrimRight(inner.Bytes(), "\n"))
		}
		b.WriteString("</" + e.Name + ">\n")
	default:
		b.WriteString(">\n")
		for _, c := range e.Children {
			c.format(b, depth+1)
		}
		indent(b, depth)
		b.WriteString("</" + e.Name + ">\n")
	}
}

func (e *Element) hasText() bool {
	for _, c := range e.Children {
		if c.Kind == TextNode || c.Kind == CDATANode {
			return true
		}
	}
	return false
}

func indent(b *bytes.Buffer, depth int) {
	for range depth {
		b.WriteString("  ")
	}
}

// Escaped returns String with the apostrophes of attribute values escaped too, which is
// how Pacemaker's tools print.
func (e *Element) Escaped() string {
	text := e.String()
	if !strings.Contains(text, "'") {
		return text
	}
	c := e.Clone()
	var b bytes.Buffer
	for d := range c.Descendants() {
		for i, a := range d.Attrs {
			d.Attrs[i].Value = strings.ReplaceAll(a.Value, "'", apostrophe)
		}
	}
	c.format(&b, 0)
	return strings.ReplaceAll(b.String(), apostrophe, "&apos;")
}

// What encloses character data that is written as it is.
const cdataStart, cdataEnd = "<![CDATA[", "]]>"

// ASCII returns String with references in the place of characters beyond ASCII, except in a CDATANode: the
// form of Pacemaker's answers in XML.
func (e *Element) ASCII() string {
	text := e.String()
	if !strings.ContainsFunc(text, beyondASCII) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		plain, rest, _ := strings.Cut(text, cdataStart)
		for _, r := range plain {
			if beyondASCII(r) {
				fmt.Fprintf(&b, "&#x%X;", r)
			} else {
				b.WriteRune(r)
			}
		}
		verbatim, after, found := strings.Cut(rest, cdataEnd)
		if found {
			b.WriteString(cdataStart + verbatim + cdataEnd)
		}
		text = after
	}
	return b.String()
}

func beyondASCII(r rune) bool { return r >= 0x80 }

// apostrophe stands for one while Escaped writes; XML cannot hold it.
const apostrophe = "\x00"

func escape(b *bytes.Buffer, s string, attribute bool) {
	special := "&<>"
	if attribute {
		special = "&<>\"\n\t\r"
	}
	for {
		i := strings.IndexAny(s, special)
		if i < 0 {
			b.WriteString(s)
			return
		}
		b.WriteString(s[:i])
		switch s[i] {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&quot;")
		case '\n':
			b.WriteString("&#10;")
		case '\t':
			b.WriteString("&#9;")
		case '\r':
			b.WriteString("&#13;")
		}
		s = s[i+1:]
	}
}
