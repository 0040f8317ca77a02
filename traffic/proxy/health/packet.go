package health

import (
	"fmt"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// verdict is what a packet says, and whether more of it is to come.
type verdict struct {
	result pool.Result
	bad    *failure
	more   bool
}

// expectPacket reads until a packet is whole, and takes it apart by its protocol's rules.
func (v *conversation) expectPacket(e *config.Expect) (pool.Result, *failure) {
	for {
		var found verdict
		switch e.Kind {
		case config.ExpectMySQL:
			found = mysqlHandshake(v.got)
		case config.ExpectMySQLLogin:
			found = mysqlLoggedIn(v.got)
		default:
			found = ldapBound(v.got)
		}
		switch {
		case !found.more:
			return found.result, found.bad
		case v.ended:
			return found.result, failed("L7RSP", "%d bytes came, which are no whole answer", len(v.got))
		}
		if _, err := v.more(); err != nil {
			return found.result, v.broken(err, "L7TOUT", "L7RSP")
		}
	}
}

// mysqlPacket is a packet of MySQL's protocol: a length in three bytes, a number, and the payload; more: it is not whole.
func mysqlPacket(b []byte) (payload, rest []byte, more bool) {
	const head = 4
	if len(b) < head {
		return nil, nil, true
	}
	end := head + (int(b[0]) | int(b[1])<<8 | int(b[2])<<16)
	if end > longestAnswer {
		return nil, nil, false
	}
	if len(b) < end {
		return nil, nil, true
	}
	return b[head:end], b[end:], false
}

// mysqlError is an ERR packet: its number, and its text behind a marker and five digits of SQL state.
func mysqlError(payload []byte) *failure {
	bad := &failure{status: "L7STS", code: int(payload[1]) | int(payload[2])<<8, why: string(payload[3:])}
	if payload[3] == '#' && len(payload) > 9 {
		bad.why = string(payload[9:])
	}
	return bad
}

const (
	mysqlFails    = 0xff
	mysqlShortest = 4 // bytes of an ERR packet: the mark, a number in two, something behind it
)

// mysqlHandshake takes what a server says at first: protocol 10 and its version, or why it lets nobody in.
func mysqlHandshake(b []byte) verdict {
	payload, _, more := mysqlPacket(b)
	switch {
	case more:
		return verdict{more: true}
	case len(payload) >= mysqlShortest && payload[0] == mysqlFails:
		return verdict{bad: mysqlError(payload)}
	case len(payload) < mysqlShortest:
		return verdict{bad: failed("L7RSP", "that is no handshake of MySQL")}
	}
	return verdict{result: pool.Result{Passed: true, Status: "L7OK", Code: 0}}
}

// mysqlLoggedIn takes the packet behind the handshake: only an error says that the user was not let in.
func mysqlLoggedIn(b []byte) verdict {
	_, rest, more := mysqlPacket(b)
	if more {
		return verdict{more: true}
	}
	payload, _, more := mysqlPacket(rest)
	switch {
	case more:
		return verdict{more: true}
	case len(payload) >= mysqlShortest && payload[0] == mysqlFails:
		return verdict{bad: mysqlError(payload)}
	case len(payload) == 0:
		return verdict{bad: failed("L7RSP", "that is no answer of MySQL to a login")}
	}
	return verdict{result: pool.Result{Passed: true, Status: "L7OK", Code: 0, Why: "the user is let in"}}
}

// ldapBound takes an LDAPMessage with a BindResponse (RFC 4511, 4.2.2) and its result code.
func ldapBound(b []byte) verdict {
	const shortest, sequence, bindResponse = 14, 0x30, 0x61
	if len(b) < shortest {
		return verdict{more: true}
	}
	none := verdict{bad: failed("L7RSP", "that is not LDAP, version 3")}
	rest, ok := berHead(b, sequence)
	if !ok || len(rest) < 3 || rest[0] != 2 || rest[1] != 1 || rest[2] != 1 { // the message's number: 1
		return none
	}
	if rest, ok = berHead(rest[3:], bindResponse); !ok || len(rest) < 3 || rest[0] != 0x0a || rest[1] != 1 {
		return none
	}
	if code := int(rest[2]); code != 0 {
		return verdict{bad: &failure{"L7STS", code, fmt.Sprintf("the bind ends with code %d (RFC 4511, 4.1.9)", code)}}
	}
	return verdict{result: pool.Result{Passed: true, Status: "L7OK", Code: 0}}
}

// berHead takes a tag and a length off, in its short or its long form.
func berHead(b []byte, tag byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, false
	}
	size := 0
	if b[1]&0x80 != 0 {
		size = int(b[1] & 0x7f)
	}
	if len(b) < 2+size {
		return nil, false
	}
	return b[2+size:], true
}
