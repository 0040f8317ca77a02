package cib

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"
)

// Digest is Pacemaker's digest of what is on disk and of an operation's parameters: MD5 over
// the canonical form between a blank and a line feed.
func (e *Element) Digest() string {
	return digestOf(func(b *bytes.Buffer) {
		b.WriteByte(' ')
		e.canonical(b, false)
		b.WriteByte('\n')
	})
}

// VersionedDigest is the digest that Pacemaker sends along with differences between documents. Who
// wrote an object last, and when, does not count. Documents from before feature set 3.0.5, and those
// that name none, have the plain Digest.
func (e *Element) VersionedDigest() string {
	if olderFeatures(e.Get("crm_feature_set"), 3, 0, 5) {
		return e.Digest()
	}
	return digestOf(func(b *bytes.Buffer) { e.canonical(b, true) })
}

// olderFeatures reports whether a feature set is below one; a part that is missing or no number counts as 0.
func olderFeatures(set string, than ...int) bool {
	parts := strings.Split(set, ".")
	for i, least := range than {
		n := 0
		if i < len(parts) {
			n, _ = strconv.Atoi(parts[i])
		}
		if n != least {
			return n < least
		}
	}
	return false
}

func digestOf(write func(*bytes.Buffer)) string {
	var b bytes.Buffer
	write(&b)
	sum := md5.Sum(b.Bytes())
	return hex.EncodeToString(sum[:])
}

// canonicalValue writes what digests see of a value.
var canonicalValue = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;",
	"\n", `\n`, "\r", `\r`, "\t", "    ")

// canonical writes the form that digests are made of: on one line, without character data,
// and, with unstamped, without the attributes that say who wrote an object and when.
func (e *Element) canonical(b *bytes.Buffer, unstamped bool) {
	if e.Kind != ElementNode {
		if e.Kind != TextNode && e.Kind != CDATANode {
			e.compact(b)
		}
		return
	}
	b.WriteString("<" + e.Name)
	for _, a := range e.Attrs {
		if unstamped && isStamp(a.Name) {
			continue
		}
		b.WriteString(" " + a.Name + `="`)
		canonicalValue.WriteString(b, a.Value)
		b.WriteByte('"')
	}
	if len(e.Children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	for _, c := range e.Children {
		c.canonical(b, unstamped)
	}
	b.WriteString("</" + e.Name + ">")
}

// isStamp reports whether an attribute tells who wrote an object, and when.
func isStamp(attribute string) bool {
	switch attribute {
	case "cib-last-written", "update-origin", "update-client", "update-user", "crm-debug-origin":
		return true
	}
	return false
}
