package sample

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

func addProtocolConverters() {
	converters["fix_is_valid"] = converter{Truth, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool {
			b := v.Text()
			v.setTruth(validFIX(b))
			return bytes.Contains(b, []byte("\x0110=")) // else more of it may come
		}, nil
	}}
	converters["fix_tag_value"] = converter{Binary, 1, 1, makeFIXTag}
	converters["mqtt_is_valid"] = converter{Truth, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool { _, ok := parseMQTT(v.Text()); v.setTruth(ok); return true }, nil
	}}
	converters["mqtt_field_value"] = converter{Text, 2, 2, makeMQTTField}
	converters["protobuf"] = converter{Binary, 1, 2, func(_ *Compiler, args []string) (convert, error) { return makeProtobuf(args, 0) }}
	converters["ungrpc"] = converter{Binary, 1, 2, func(_ *Compiler, args []string) (convert, error) { return makeProtobuf(args, 5) }}
}

// fixTags are names of the Financial Information eXchange protocol's tags.
var fixTags = map[string]string{
	"BeginString": "8", "BodyLength": "9", "CheckSum": "10", "MsgSeqNum": "34", "MsgType": "35", "SenderCompID": "49", "SendingTime": "52",
	"TargetCompID": "56", "EncryptMethod": "98", "HeartBtInt": "108",
}

// fixFields splits a message TAG=VALUE<SOH>…; nil: it is none.
func fixFields(b []byte) [][2][]byte {
	var all [][2][]byte
	for len(b) > 0 {
		field, rest, ended := bytes.Cut(b, []byte{1})
		tag, value, found := bytes.Cut(field, []byte("="))
		if !found || !ended || len(tag) == 0 || len(value) == 0 {
			return nil
		}
		if _, err := strconv.ParseUint(string(tag), 10, 31); err != nil {
			return nil
		}
		all = append(all, [2][]byte{tag, value})
		b = rest
		if string(tag) == "10" {
			break // the message's last: another may follow
		}
	}
	return all
}

// validFIX checks a message's frame: version, length, type, checksum.
func validFIX(b []byte) bool {
	all := fixFields(b)
	if len(all) < 4 || string(all[0][0]) != "8" || string(all[1][0]) != "9" || string(all[2][0]) != "35" || string(all[len(all)-1][0]) != "10" {
		return false
	}
	switch string(all[0][1]) {
	case "FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIXT.1.1":
	default:
		return false
	}
	begin := len("8=\x019=\x01") + len(all[0][1]) + len(all[1][1])
	end := bytes.Index(b, []byte("\x0110=")) + 1
	length, err := strconv.Atoi(string(all[1][1]))
	if err != nil || end < begin || length != end-begin {
		return false
	}
	sum := byte(0)
	for _, c := range b[:end] {
		sum += c
	}
	return string(all[len(all)-1][1]) == fmt.Sprintf("%03d", sum)
}

func makeFIXTag(_ *Compiler, args []string) (convert, error) {
	tag := args[0]
	if number, ok := fixTags[tag]; ok {
		tag = number
	} else if _, err := strconv.ParseUint(tag, 10, 31); err != nil {
		return nil, fmt.Errorf("tag %q is neither a number nor a known name", tag)
	}
	return func(_ *Context, v *Value) bool {
		for _, field := range fixFields(v.Text()) {
			if string(field[0]) == tag {
				*v = Value{Kind: Binary, Bytes: field[1]}
				return true
			}
		}
		return false
	}, nil
}

// wireType is how a protocol buffers value lies on the wire.
type wireType uint8

const (
	wireVarint wireType = iota
	wire64
	wireBytes
	_
	_
	wire32
)

// protobufTypes are the scalar types: how they lie on the wire, and how a value is read.
var protobufTypes = map[string]struct {
	wire wireType
	read func(n uint64) Value
}{
	"int32": {wireVarint, signed}, "int64": {wireVarint, signed}, "uint32": {wireVarint, signed}, "uint64": {wireVarint, signed},
	"bool": {wireVarint, signed}, "enum": {wireVarint, signed},
	"sint32": {wireVarint, zigzag}, "sint64": {wireVarint, zigzag},
	"fixed64": {wire64, signed}, "sfixed64": {wire64, signed},
	"double":  {wire64, func(n uint64) Value { return float(math.Float64frombits(n)) }},
	"fixed32": {wire32, signed}, "sfixed32": {wire32, func(n uint64) Value { return Value{Kind: Number, Number: int64(int32(n))} }},
	"float":  {wire32, func(n uint64) Value { return float(float64(math.Float32frombits(uint32(n)))) }},
	"string": {wireBytes, nil}, "bytes": {wireBytes, nil},
}

func signed(n uint64) Value { return Value{Kind: Number, Number: int64(n)} }
func zigzag(n uint64) Value { return Value{Kind: Number, Number: int64(n>>1) ^ -int64(n&1)} }
func float(f float64) Value {
	return Value{Kind: Text, Bytes: strconv.AppendFloat(nil, f, 'g', -1, 64)}
}

// makeProtobuf makes protobuf(PATH,TYPE) and ungrpc(PATH,TYPE): the field with these numbers of a message, behind a prefix of gRPC's.
func makeProtobuf(args []string, prefix int) (convert, error) {
	var path []uint64
	for part := range strings.SplitSeq(args[0], ".") {
		n, err := strconv.ParseUint(part, 10, 29)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is not a field's number, nor numbers with dots between", args[0])
		}
		path = append(path, n)
	}
	kind := "bytes"
	if len(args) > 1 {
		kind = args[1]
	}
	of, ok := protobufTypes[kind]
	if !ok {
		return nil, fmt.Errorf("type %q is not one of protocol buffers' scalar types", kind)
	}
	return func(_ *Context, v *Value) bool {
		b := v.Text()
		if len(b) < prefix {
			return false
		}
		b = b[prefix:]
		for i, field := range path {
			w, n, content, found := protobufField(b, field)
			switch {
			case !found, i < len(path)-1 && w != wireBytes:
				return false
			case i < len(path)-1:
				b = content
				continue
			case w != of.wire:
				return false
			case w == wireBytes:
				*v = Value{Kind: Binary, Bytes: content}
			default:
				*v = of.read(n)
			}
		}
		return true
	}, nil
}

// protobufField finds a field in a message.
func protobufField(b []byte, field uint64) (w wireType, n uint64, content []byte, found bool) {
	for len(b) > 0 {
		key, used := binary.Uvarint(b)
		if used <= 0 {
			return 0, 0, nil, false
		}
		b = b[used:]
		w, n, content = wireType(key&7), 0, nil
		switch w {
		case wireVarint, wireBytes:
			if n, used = binary.Uvarint(b); used <= 0 {
				return 0, 0, nil, false
			}
			if b = b[used:]; w == wireBytes {
				if n > uint64(len(b)) {
					return 0, 0, nil, false
				}
				content, b = b[:n], b[n:]
			}
		case wire64:
			if len(b) < 8 {
				return 0, 0, nil, false
			}
			n, b = binary.LittleEndian.Uint64(b), b[8:]
		case wire32:
			if len(b) < 4 {
				return 0, 0, nil, false
			}
			n, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			return 0, 0, nil, false
		}
		if key>>3 == field {
			return w, n, content, true
		}
	}
	return 0, 0, nil, false
}
