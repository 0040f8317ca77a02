package sample

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"

	"holdfast/traffic/proxy/h1"
)

// Kind is what a Value holds.
type Kind uint8

// The kinds of values.
const (
	Text Kind = iota
	Number
	Truth
	Address
	Binary
)

var kindNames = [...]string{"str", "int", "bool", "ip", "bin"}

// String is the kind as haproxy.cfg's documentation names it.
func (k Kind) String() string { return kindNames[k] }

// TypeName is the value's kind with more precision: sint for numbers, ipv4 or ipv6 for addresses.
func (v *Value) TypeName() string {
	switch {
	case v.Kind == Number:
		return "sint"
	case v.Kind == Address && v.Addr.Is4():
		return "ipv4"
	case v.Kind == Address:
		return "ipv6"
	}
	return v.Kind.String()
}

// Value is a sample. Bytes may share memory with the message that it was taken from.
type Value struct {
	Kind   Kind
	Bytes  []byte     // Text, Binary
	Number int64      // Number, Truth (0 or 1)
	Addr   netip.Addr // Address
}

func (v *Value) setText(s string)  { *v = Value{Kind: Text, Bytes: []byte(s)} }
func (v *Value) setBytes(b []byte) { *v = Value{Kind: Text, Bytes: b} }
func (v *Value) setNumber(n int64) { *v = Value{Kind: Number, Number: n} }
func (v *Value) setTruth(b bool) {
	*v = Value{Kind: Truth}
	if b {
		v.Number = 1
	}
}
func (v *Value) setAddr(a netip.Addr) bool {
	*v = Value{Kind: Address, Addr: a.Unmap()}
	return a.IsValid()
}

// Append appends the value as text; of bytes, those before the first zero.
func (v *Value) Append(dst []byte) []byte {
	switch v.Kind {
	case Number, Truth:
		return strconv.AppendInt(dst, v.Number, 10)
	case Address:
		return v.Addr.AppendTo(dst)
	case Binary:
		text, _, _ := bytes.Cut(v.Bytes, []byte{0})
		return append(dst, text...)
	}
	return append(dst, v.Bytes...)
}

// Text returns the value as text; it shares memory with the value where that is a text.
func (v *Value) Text() []byte {
	if v.Kind == Text || v.Kind == Binary {
		return v.Bytes
	}
	return v.Append(nil)
}

// Octets are the value's bytes, as converters of bytes take them: of a number eight, of an address four or sixteen, the first the highest.
func (v *Value) Octets() []byte {
	switch v.Kind {
	case Number, Truth:
		return binary.BigEndian.AppendUint64(nil, uint64(v.Number))
	case Address:
		return v.Addr.Unmap().AsSlice()
	}
	return v.Bytes
}

// Integer returns the value as a number, and whether it is one.
func (v *Value) Integer() (int64, bool) {
	switch v.Kind {
	case Number, Truth:
		return v.Number, true
	case Text:
		return leadingNumber(v.Bytes), len(v.Bytes) > 0
	}
	return 0, false
}

// leadingNumber is the number that a text begins with, 0 where it begins with none, as HAProxy reads texts.
func leadingNumber(b []byte) int64 {
	end := 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		end = 1
	}
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	n, _ := strconv.ParseInt(h1.View(b[:end]), 10, 64) // out of range it is at the range's end
	return n
}

// Address returns the value as an address, and whether it is one.
func (v *Value) Address() (netip.Addr, bool) {
	switch v.Kind {
	case Address:
		return v.Addr, v.Addr.IsValid()
	case Text:
		a, err := netip.ParseAddr(h1.View(v.Bytes))
		return a.Unmap(), err == nil
	}
	return netip.Addr{}, false
}

// True tells whether the value counts as true: a truth, a number that is not 0, an address, or a text that is not empty.
func (v *Value) True() bool {
	switch v.Kind {
	case Number, Truth:
		return v.Number != 0
	case Address:
		return v.Addr.IsValid()
	}
	return len(v.Bytes) > 0
}
