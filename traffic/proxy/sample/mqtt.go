package sample

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// mqttPackets are the packets whose fields can be read, by name.
var mqttPackets = map[string]byte{"connect": 1, "connack": 2}

// mqttFields are the fields that have names; the properties of MQTT 5 have numbers.
var mqttFields = map[byte]string{
	1: "flags protocol_name protocol_version client_identifier will_topic will_payload username password keepalive",
	2: "flags protocol_version reason_code",
}

// parseMQTT reads a CONNECT or CONNACK packet (MQTT 3.1, 3.1.1 and 5) into its fields, by name and by a property's number. false: it is none.
func parseMQTT(b []byte) (map[string]string, bool) {
	if len(b) < 2 {
		return nil, false
	}
	kind := b[0] >> 4
	length, used := binary.Uvarint(b[1:min(len(b), 5)])
	if used <= 0 || b[0]&0xf != 0 || length > uint64(len(b)-1-used) {
		return nil, false
	}
	r := &mqttReader{b: b[1+used : 1+used+int(length)], fields: map[string]string{"kind": strconv.Itoa(int(kind))}}
	switch kind {
	case 1:
		r.connect()
	case 2:
		r.acknowledged()
	default:
		return nil, false
	}
	return r.fields, !r.bad && len(r.b) == 0
}

// mqttReader takes a packet apart, and remembers when it is not one.
type mqttReader struct {
	b      []byte
	bad    bool
	fields map[string]string
}

func (r *mqttReader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// number reads so many bytes, the first the most significant.
func (r *mqttReader) number(bytes int) int {
	n := 0
	for _, c := range r.take(bytes) {
		n = n<<8 | int(c)
	}
	return n
}

func (r *mqttReader) text() string { return string(r.take(r.number(2))) }

func (r *mqttReader) connect() {
	f := r.fields
	f["protocol_name"] = r.text()
	version := r.number(1)
	f["protocol_version"] = strconv.Itoa(version)
	flags := r.number(1)
	f["flags"], f["keepalive"] = strconv.Itoa(flags), strconv.Itoa(r.number(2))
	switch {
	case f["protocol_name"] == "MQIsdp" && version == 3, f["protocol_name"] == "MQTT" && (version == 4 || version == 5):
	default:
		r.bad = true
	}
	r.bad = r.bad || flags&1 != 0
	if version == 5 {
		r.properties("")
	}
	f["client_identifier"] = r.text()
	if flags&0x04 != 0 {
		if version == 5 {
			r.properties("will_")
		}
		f["will_topic"], f["will_payload"] = r.text(), r.text()
	} else if flags&0x38 != 0 {
		r.bad = true
	}
	if flags&0x80 != 0 {
		f["username"] = r.text()
	}
	if flags&0x40 != 0 {
		f["password"] = r.text()
	}
}

func (r *mqttReader) acknowledged() {
	r.fields["flags"] = strconv.Itoa(r.number(1))
	r.fields["reason_code"] = strconv.Itoa(r.number(1))
	r.fields["protocol_version"] = "4"
	if len(r.b) > 0 {
		r.fields["protocol_version"] = "5"
		r.properties("")
	}
}

// properties reads MQTT 5's properties (its 2.2.2.2): one byte, two, four, a varying number, a text, bytes or a pair, as their numbers say.
func (r *mqttReader) properties(prefix string) {
	length, used := binary.Uvarint(r.b[:min(len(r.b), 4)])
	if used <= 0 || length > uint64(len(r.b)-used) {
		r.bad = true
		return
	}
	r.take(used)
	rest := r.b[length:]
	r.b = r.b[:length]
	for len(r.b) > 0 && !r.bad {
		id := r.number(1)
		value := ""
		switch id {
		case 0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a:
			value = strconv.Itoa(r.number(1))
		case 0x13, 0x21, 0x22, 0x23:
			value = strconv.Itoa(r.number(2))
		case 0x02, 0x11, 0x18, 0x27:
			value = strconv.Itoa(r.number(4))
		case 0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f:
			value = r.text()
		case 0x26:
			r.text()
			r.text()
		default:
			r.bad = true
		}
		r.fields[prefix+strconv.Itoa(id)] = value
	}
	r.b = rest
}

// makeMQTTField makes mqtt_field_value(PACKET,FIELD).
func makeMQTTField(_ *Compiler, args []string) (convert, error) {
	kind, ok := mqttPackets[strings.ToLower(args[0])]
	if n, err := strconv.Atoi(args[0]); err == nil && (n == 1 || n == 2) {
		kind, ok = byte(n), true
	}
	if !ok {
		return nil, fmt.Errorf("packet %q is not known; there are connect and connack", args[0])
	}
	if n, err := strconv.Atoi(args[1]); (err != nil || n < 1 || n > 0x2a) && indexOf(strings.Fields(mqttFields[kind]), args[1]) < 0 {
		return nil, fmt.Errorf("field %q is not known; there are %s, and the numbers of properties", args[1], mqttFields[kind])
	}
	return func(_ *Context, v *Value) bool {
		fields, ok := parseMQTT(v.Text())
		value, there := fields[args[1]]
		v.setText(value)
		return ok && there && fields["kind"] == strconv.Itoa(int(kind))
	}, nil
}
