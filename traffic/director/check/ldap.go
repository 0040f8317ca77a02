package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
)

// The tags of LDAP's messages (RFC 4511, 4) that are needed here.
const (
	berInteger, berText, berEnumerated, berBoolean, berSequence, berSet = 0x02, 0x04, 0x0a, 0x01, 0x30, 0x31

	ldapBind, ldapBound, ldapUnbind, ldapSearch, ldapEntry, ldapFound = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65

	ldapSimple  = 0x80 // authentication by a password
	ldapPresent = 0x87 // the filter that an attribute is there
)

// Result codes (RFC 4511, A.2) of a server that is in no state to serve, whoever asks.
const (
	ldapOperationsError, ldapBusy, ldapUnavailable, ldapOther = 1, 51, 52, 80
)

// longestEntry is how much of an entry is read.
const longestEntry = 1 << 20

// askLDAP binds: as the login, which has to succeed, or, without a password, anonymously, where being refused is an answer, too. Then the base object, if
// one is named, has to be there, and its name or one of its values to match.
func askLDAP(_ context.Context, c Check, conn net.Conn) error {
	r := bufio.NewReader(conn)
	l := c.Login
	if l.Password == "" {
		l.User = "" // a name without a password is what RFC 4513, 5.1.2 warns of
	}
	bind := ber(ldapBind, ber(berInteger, []byte{3}), ber(berText, []byte(l.User)), ber(ldapSimple, []byte(l.Password)))
	if _, err := conn.Write(ldapMessage(1, bind)); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	kind, body, err := readLDAP(r)
	if err != nil {
		return err
	}
	if kind != ldapBound {
		return fmt.Errorf("it sends an operation of tag %#x, which is no answer to a bind", kind)
	}
	code, text, err := ldapResult(body)
	switch {
	case err != nil:
		return err
	case code == 0:
	case l.User != "":
		return fmt.Errorf("bind as %q: it answers with code %d %s", l.User, code, text)
	case code == ldapOperationsError, code == ldapBusy, code == ldapUnavailable, code == ldapOther:
		return fmt.Errorf("it answers with code %d %s", code, text)
	}
	if c.Send != "" {
		if err := searchBase(r, conn, c); err != nil {
			return fmt.Errorf("read %q: %w", c.Send, err)
		}
	}
	_, _ = conn.Write(ldapMessage(3, ber(ldapUnbind)))
	return nil
}

// searchBase reads one object.
func searchBase(r *bufio.Reader, conn net.Conn, c Check) error {
	number := func(tag byte, n byte) []byte { return ber(tag, []byte{n}) }
	search := ber(ldapSearch, ber(berText, []byte(c.Send)), number(berEnumerated, 0), number(berEnumerated, 0), // this object alone, no aliases
		number(berInteger, 0), number(berInteger, 0), number(berBoolean, 0), ber(ldapPresent, []byte("objectClass")), ber(berSequence))
	if _, err := conn.Write(ldapMessage(2, search)); err != nil {
		return err
	}
	there, matched := false, c.Expect == nil
	for {
		kind, body, err := readLDAP(r)
		if err != nil {
			return err
		}
		switch kind {
		case ldapEntry:
			there = true
			matched = matched || entryMatches(body, c.Expect)
		case ldapFound:
			code, text, err := ldapResult(body)
			switch {
			case err != nil:
				return err
			case code != 0:
				return fmt.Errorf("it answers with code %d %s", code, text)
			case !there:
				return errors.New("it is not there")
			case !matched:
				return fmt.Errorf("nothing in it matches %q", c.Expect)
			}
			return nil
		}
	}
}

// entryMatches looks at an entry's name and at the values of its attributes.
func entryMatches(body []byte, expect *regexp.Regexp) bool {
	_, name, rest, ok := cutBER(body)
	if !ok || expect.Match(name) {
		return ok
	}
	_, attributes, _, _ := cutBER(rest)
	for ok := true; ok && len(attributes) > 0; {
		var one, values []byte
		_, one, attributes, ok = cutBER(attributes)
		_, _, set, _ := cutBER(one)
		_, values, _, _ = cutBER(set)
		for there := true; there && len(values) > 0; {
			var value []byte
			if _, value, values, there = cutBER(values); there && expect.Match(value) {
				return true
			}
		}
	}
	return false
}

// ber is an element of the Basic Encoding Rules: a tag, a length, and what is in it.
func ber(tag byte, parts ...[]byte) []byte {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	all := []byte{tag, byte(size)}
	if size > 0x7f {
		all = []byte{tag, 0x84, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	}
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func ldapMessage(id byte, operation []byte) []byte {
	return ber(berSequence, ber(berInteger, []byte{id}), operation)
}

// berLength reads a length (X.690, 8.1.3), of at most four bytes, from what gives bytes.
func berLength(next func() (byte, error)) (size int, err error) {
	first, err := next()
	if err != nil || first < 0x80 {
		return int(first), err
	}
	count := int(first & 0x7f)
	if count < 1 || count > 4 {
		return 0, errors.New("a length of it is not understood")
	}
	for range count {
		b, err := next()
		if err != nil {
			return 0, err
		}
		size = size<<8 | int(b)
	}
	return size, nil
}

// cutBER takes the first element off.
func cutBER(b []byte) (tag byte, body, rest []byte, ok bool) {
	at := 1
	size, err := berLength(func() (byte, error) {
		if at >= len(b) {
			return 0, io.ErrUnexpectedEOF
		}
		at++
		return b[at-1], nil
	})
	if err != nil || size > len(b)-at {
		return 0, nil, nil, false
	}
	return b[0], b[at : at+size], b[at+size:], true
}

// readLDAP reads a message; kind is the tag of its operation.
func readLDAP(r *bufio.Reader) (kind byte, body []byte, err error) {
	tag, err := r.ReadByte()
	if err != nil {
		return 0, nil, fmt.Errorf("read its answer: %w", err)
	}
	size, err := berLength(r.ReadByte)
	if err != nil {
		return 0, nil, fmt.Errorf("read its answer: %w", err)
	}
	if tag != berSequence || size > longestEntry {
		return 0, nil, fmt.Errorf("it sends %#x and a length of %d, which is no message of LDAP and no answer to a bind", tag, size)
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(r, message); err != nil {
		return 0, nil, fmt.Errorf("read its answer: %w", err)
	}
	id, _, rest, ok := cutBER(message)
	if ok && id == berInteger {
		if kind, body, _, ok = cutBER(rest); ok {
			return kind, body, nil
		}
	}
	return 0, nil, errors.New("it sends what is no message of LDAP")
}

// ldapResult takes an LDAPResult apart (RFC 4511, 4.1.9): a code, and behind the matched name a text.
func ldapResult(body []byte) (code int, text string, err error) {
	tag, number, rest, ok := cutBER(body)
	if !ok || tag != berEnumerated || len(number) != 1 {
		return 0, "", errors.New("its result has no code")
	}
	if _, _, rest, ok = cutBER(rest); ok {
		_, said, _, _ := cutBER(rest)
		text = printable(said)
	}
	return int(number[0]), text, nil
}
