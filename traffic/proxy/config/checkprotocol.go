package config

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Checks of protocols are sequences in the language of tcp-check, with two more kinds of expectations (mysql, ldap).

// conversation are the steps of a protocol; {} stands for what the configuration says beside.
var conversations = map[string][][]string{
	"smtp": {
		{"connect", "default", "linger"},
		{"expect", "min-recv", "4", "error-status", "L7RSP", "on-error", "%[res.payload(0,0),cut_crlf]", "rstring", "^[0-9]{3}[ \\r]"},
		{"expect", "min-recv", "4", "error-status", "L7STS", "on-error", smtpText, "status-code", "res.payload(0,3)", "rstring", "^2[0-9]{2}[ \\r]"},
		{"send", "{}\r\n"},
		{"expect", "error-status", "L7STS", "on-error", smtpText, "status-code", "res.payload(0,3)", "rstring", "^(2[0-9]{2}-[^\\r]*\\r\\n)*2[0-9]{2}[ \\r]"},
		{"send", "QUIT\r\n"},
		{"expect", "error-status", "L7STS", "on-success", smtpText, "on-error", smtpText, "status-code", "res.payload(0,3)", "rstring", "^2[0-9]{2}[- \\r]"},
	},
	"redis": {
		{"connect", "default"},
		{"send", "*1\r\n$4\r\nPING\r\n"},
		{"expect", "error-status", "L7STS", "on-success", "Redis server is ok", "on-error", "%[res.payload(0,0),cut_crlf]", "string", "+PONG\r\n"},
	},
	"pgsql": { // an error, or a demand for authentication of a kind that is known
		{"connect", "default"},
		{"send-binary", "{}"},
		{"expect", "min-recv", "5", "error-status", "L7RSP", "on-error", "%[res.payload(6,0)]", "!", "rstring", "^E"},
		{"expect", "min-recv", "9", "error-status", "L7STS", "on-success", "PostgreSQL server is ok", "on-error", "PostgreSQL unknown error",
			"rbinary", "^52000000[A-Z0-9]{2}000000(00|02|03|04|05|06|07|08|09|0A)"},
	},
	"ssl-hello": { // an answer of TLS, be it an alert
		{"connect", "default"},
		{"send-binary", "{}"},
		{"expect", "min-recv", "5", "ok-status", "L6OK", "error-status", "L6RSP", "tout-status", "L6TOUT", "rbinary", "^1[56]"},
	},
	"ldap": { // RFC 4511, 4.2: an anonymous bind, version 3
		{"connect", "default"},
		{"send-binary", "300c020101600702010304008000"},
	},
	"mysql": {{"connect", "default", "linger"}},
}

// smtpText is what stands behind an answer's number.
const smtpText = "%[res.payload(4,0),cut_crlf]"

// protocolSteps are the steps that a protocol's check consists of.
func (p *parser) protocolSteps(c *HealthCheck) ([]CheckStep, *Problem) {
	fill := map[string]string{"smtp": c.Greeting + "\r\n", "pgsql": hex.EncodeToString(postgresStart(c.User)), "ssl-hello": hex.EncodeToString(clientHello())}[c.Protocol]
	var steps []CheckStep
	for _, words := range conversations[c.Protocol] {
		l := Line{File: "option " + c.Protocol, Words: append([]string{"tcp-check"}, words...)}
		if last := len(l.Words) - 1; l.Words[last] == "{}" || l.Words[last] == "{}\r\n" {
			l.Words[last] = fill
		}
		step, problem := p.checkStep(l, false)
		if problem != nil {
			return nil, problem
		}
		steps = append(steps, step)
	}
	switch c.Protocol {
	case "ldap":
		steps = append(steps, CheckStep{Action: StepExpect, Expect: &Expect{Kind: ExpectLDAP, Minimum: 14}})
	case "mysql":
		if c.User != "" {
			steps = append(steps, CheckStep{Action: StepSend, Data: mysqlLogin(c.User, c.Pre41)})
		}
		steps = append(steps, CheckStep{Action: StepExpect, Expect: &Expect{Kind: ExpectMySQL, Minimum: 5}})
		if c.User != "" {
			steps = append(steps, CheckStep{Action: StepExpect, Expect: &Expect{Kind: ExpectMySQLLogin, Minimum: 5}})
		}
	}
	return steps, nil
}

// postgresStart is PostgreSQL's StartupMessage, version 3.0 ("Message Formats").
func postgresStart(user string) []byte {
	body := append(binary.BigEndian.AppendUint32(nil, 3<<16), fmt.Sprintf("user\x00%s\x00\x00", user)...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// mysqlLogin is MySQL's HandshakeResponse without a password (of protocol 4.1, or 3.20 before), and COM_QUIT behind it.
func mysqlLogin(user string, pre41 bool) []byte {
	const protocol41, secure, largest, utf8 = 0x200, 0x8000, 1<<24 | 1<<15, 33
	var body []byte
	if pre41 {
		body = binary.LittleEndian.AppendUint16(body, secure)
		body = append(body, 0, 0, 1) // the largest packet, in three bytes
		body = append(append(body, user...), 0, 0)
	} else {
		body = binary.LittleEndian.AppendUint32(body, protocol41|secure)
		body = append(binary.LittleEndian.AppendUint32(body, largest), utf8)
		body = append(body, make([]byte, 23)...)
		body = append(append(body, user...), 0, 0)
	}
	packet := append([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), 1}, body...)
	return append(packet, 1, 0, 0, 0, 1)
}

// clientHello is a ClientHello of TLS 1.0 to 1.2 in one record (RFC 5246, 7.4.1.2) with suites that servers of any age know some of. Servers answer it, with
// their hello or with an alert.
func clientHello() []byte {
	suites := []byte{0xc0, 0x2f, 0xc0, 0x30, 0xc0, 0x2b, 0xc0, 0x2c, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35, 0x00, 0x0a, 0x00, 0xff}
	extensions := []byte{0, 10, 0, 6, 0, 4, 0, 23, 0, 24, 0, 11, 0, 2, 1, 0, 0, 13, 0, 10, 0, 8, 4, 1, 4, 3, 5, 1, 2, 1} // groups, point formats, signatures
	hello := append([]byte{3, 3}, make([]byte, 32)...)
	for i := range 32 {
		hello[2+i] = byte(i*37 + 11) // nothing is kept secret by it
	}
	hello = append(hello, 0, 0, byte(len(suites)))
	hello = append(append(hello, suites...), 1, 0, 0, byte(len(extensions)))
	hello = append(hello, extensions...)
	handshake := append([]byte{1, 0, byte(len(hello) >> 8), byte(len(hello))}, hello...)
	return append([]byte{22, 3, 1, byte(len(handshake) >> 8), byte(len(handshake))}, handshake...)
}
