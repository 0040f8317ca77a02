package check

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
)

// Login is who a check is, of IMAP, POP, FTP, MySQL, Postgres, LDAP, RADIUS and SIP; without a user all but the last two ask for the greeting alone.
type Login struct {
	User, Password string
	Secret         string // that is shared with a RADIUS server
}

// step is a line that is said, and what the answer begins with. Errors show the name of the step, and never a password.
type step struct {
	name, line string
	begins     []string
}

// entering reads a greeting, and logs in if there is somebody to log in as.
func entering(greets []string, steps func(Login) []step) func(context.Context, Check, net.Conn) error {
	return func(_ context.Context, c Check, conn net.Conn) error {
		r := lines(conn)
		line, err := readLine(r)
		for err == nil && goesOn(line) {
			line, err = readLine(r)
		}
		if err == nil {
			err = beginsWith(line, greets...)
		}
		if err != nil || c.Login.User == "" {
			return err
		}
		for _, s := range steps(c.Login) {
			if _, err := fmt.Fprintf(conn, "%s\r\n", s.line); err != nil {
				return fmt.Errorf("say %s: %w", s.name, err)
			}
			line, err := answerLine(r)
			if err != nil {
				return err
			}
			if err := beginsWith(line, s.begins...); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return nil
	}
}

// answerLine passes over what comes before a step's answer, of IMAP what has no tag.
func answerLine(r *bufio.Reader) (string, error) {
	for {
		line, err := readLine(r)
		if err != nil || !strings.HasPrefix(line, "* ") && !goesOn(line) {
			return line, err
		}
	}
}

// goesOn tells whether a line of FTP is not the last of its answer: there is a dash behind its number (RFC 959, 4.2).
func goesOn(line string) bool {
	return len(line) > 3 && line[3] == '-' && line[0] >= '1' && line[0] <= '5'
}

// imapQuoted is a quoted string (RFC 9051, 4.3).
func imapQuoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// The steps of logging in (RFC 9051, 6.2.3; RFC 1939, 7; RFC 959, 5.4). An FTP server that needs no password says 230 to the user.
func imapLogin(l Login) []step {
	return []step{{"LOGIN", "a LOGIN " + imapQuoted(l.User) + " " + imapQuoted(l.Password), []string{"a OK"}}, {"LOGOUT", "b LOGOUT", []string{"b OK"}}}
}

func popLogin(l Login) []step {
	return []step{{"USER", "USER " + l.User, []string{"+OK"}}, {"PASS", "PASS " + l.Password, []string{"+OK"}}, {"QUIT", "QUIT", []string{"+OK"}}}
}

func ftpLogin(l Login) []step {
	return []step{{"USER", "USER " + l.User, []string{"331", "230"}}, {"PASS", "PASS " + l.Password, []string{"230", "202"}}, {"QUIT", "QUIT", []string{"221"}}}
}

// The codes and attributes of RADIUS (RFC 2865, RFC 3579) that are needed here.
const (
	accessRequest, accessAccept, accessReject, accessChallenge = 1, 2, 3, 11

	radiusUser, radiusPassword, radiusHost, radiusSeal = 1, 2, 32, 80

	radiusHeader = 20
)

// askRADIUS asks whether the login may in: an answer that has the secret's seal says so, or, if there is no login, that the server serves.
func askRADIUS(_ context.Context, c Check, conn net.Conn) error {
	request, err := radiusRequest(c.Login)
	if err != nil {
		return err
	}
	answer, err := exchange(conn, request)
	if err != nil {
		return err
	}
	return radiusAnswer(c.Login, request, answer)
}

// radiusAnswer judges an answer to a request (RFC 2865, 3).
func radiusAnswer(l Login, request, answer []byte) error {
	if len(answer) < radiusHeader || int(binary.BigEndian.Uint16(answer[2:])) != len(answer) || answer[1] != request[1] {
		return fmt.Errorf("%d bytes came, which are no answer to the request", len(answer))
	}
	sealed := md5.New()
	sealed.Write(answer[:4])
	sealed.Write(request[4:radiusHeader])
	sealed.Write(answer[radiusHeader:])
	sealed.Write([]byte(l.Secret))
	if !hmac.Equal(sealed.Sum(nil), answer[4:radiusHeader]) {
		return fmt.Errorf("its answer does not have the seal of the secret that is shared with it")
	}
	switch code := answer[0]; {
	case code == accessAccept, code == accessChallenge, code == accessReject && l.User == "":
		return nil
	case code == accessReject:
		return fmt.Errorf("it rejects the login of %q", l.User)
	default:
		return fmt.Errorf("it answers with code %d, want an accept", code)
	}
}

// radiusRequest is an Access-Request with a hidden password (RFC 2865, 5.2) and a Message-Authenticator (RFC 3579, 3.2).
func radiusRequest(l Login) ([]byte, error) {
	b := make([]byte, radiusHeader, 128)
	if _, err := rand.Read(b[1:]); err != nil {
		return nil, err
	}
	b[0] = accessRequest
	attribute := func(kind byte, value []byte) {
		b = append(b, kind, byte(2+len(value)))
		b = append(b, value...)
	}
	const longest = 128
	if len(l.User) > longest || len(l.Password) > longest {
		return nil, fmt.Errorf("a RADIUS login has at most %d bytes", longest)
	}
	seal := make([]byte, md5.Size)
	attribute(radiusSeal, seal)
	at := len(b) - len(seal)
	attribute(radiusUser, []byte(l.User))
	attribute(radiusPassword, hidden(l, b[4:radiusHeader]))
	attribute(radiusHost, []byte("holdfast"))
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	mac := hmac.New(md5.New, []byte(l.Secret))
	mac.Write(b)
	copy(b[at:], mac.Sum(nil))
	return b, nil
}

// hidden is the password in pieces of 16 bytes, each mixed with a sum of the secret and what came before.
func hidden(l Login, before []byte) []byte {
	text := append([]byte(l.Password), bytes.Repeat([]byte{0}, (16-len(l.Password)%16)%16)...)
	if len(text) == 0 {
		text = make([]byte, 16)
	}
	for at := 0; at < len(text); at += 16 {
		mask := md5.Sum(append([]byte(l.Secret), before...))
		for i := range mask {
			text[at+i] ^= mask[i]
		}
		before = text[at : at+16]
	}
	return text
}
