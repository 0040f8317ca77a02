package check

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
)

// knows is a server of lines that greets, and answers each line that it knows.
func knows(greeting string, answers map[string]string) func(net.Conn) {
	return func(conn net.Conn) {
		fmt.Fprint(conn, greeting)
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			answer, known := answers[lines.Text()]
			if !known {
				answer = "a NO 530 -ERR not so\r\n"
			}
			fmt.Fprint(conn, answer)
		}
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	imap := knows("* OK ready\r\n", map[string]string{`a LOGIN "me" "a\"b\\c"`: "* CAPABILITY IMAP4rev1\r\na OK in\r\n", "b LOGOUT": "* BYE\r\nb OK out\r\n"})
	pop := knows("+OK\r\n", map[string]string{"USER me": "+OK\r\n", `PASS a"b\c`: "+OK\r\n", "QUIT": "+OK\r\n"})
	ftp := knows("220-hello\r\n220 files\r\n", map[string]string{"USER me": "331 password\r\n", `PASS a"b\c`: "230-motd\r\n230 in\r\n", "QUIT": "221 bye\r\n"})
	for name, test := range map[string]struct {
		protocol Protocol
		server   func(net.Conn)
		password string
		want     string
	}{
		"imap":           {IMAP, imap, `a"b\c`, ""},
		"imap, rejected": {IMAP, imap, "hunter2", `LOGIN: it answers "a NO`},
		"pop":            {POP, pop, `a"b\c`, ""},
		"pop, rejected":  {POP, pop, "hunter2", `PASS: it answers`},
		"ftp":            {FTP, ftp, `a"b\c`, ""},
		"ftp, rejected":  {FTP, ftp, "hunter2", `PASS: it answers`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Check{Protocol: test.protocol, Target: serve(t, test.server), Timeout: patience, Login: Login{User: "me", Password: test.password}}.Run(t.Context())
			expect(t, err, test.want)
			if err != nil && strings.Contains(err.Error(), test.password) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

// radiusServer answers a request with a code if user and password are me and a long one, else with a reject.
func radiusServer(t testing.TB, request []byte, secret string, code byte) []byte {
	t.Helper()
	var user, password, seal []byte
	sealAt := 0
	for at := radiusHeader; at < len(request); at += int(request[at+1]) {
		value := request[at+2 : at+int(request[at+1])]
		switch request[at] {
		case radiusUser:
			user = value
		case radiusPassword:
			password = bytes.Clone(value)
		case radiusSeal:
			seal, sealAt = bytes.Clone(value), at+2
		}
	}
	blank := bytes.Clone(request)
	clear(blank[sealAt : sealAt+md5.Size])
	mac := hmac.New(md5.New, []byte(secret))
	mac.Write(blank)
	if !hmac.Equal(mac.Sum(nil), seal) {
		t.Errorf("the request's seal is wrong")
	}
	before := request[4:radiusHeader]
	for at := 0; at < len(password); at += 16 {
		piece := bytes.Clone(password[at : at+16])
		mask := md5.Sum(append([]byte(secret), before...))
		for i := range mask {
			password[at+i] ^= mask[i]
		}
		before = piece
	}
	if string(user) != "me" || string(bytes.TrimRight(password, "\x00")) != "longer than sixteen bytes" {
		code = accessReject
	}
	answer := make([]byte, radiusHeader)
	answer[0], answer[1] = code, request[1]
	binary.BigEndian.PutUint16(answer[2:], radiusHeader)
	copy(answer[4:], request[4:radiusHeader])
	sum := md5.Sum(append(answer, secret...))
	copy(answer[4:], sum[:])
	return answer
}

func TestRADIUS(t *testing.T) {
	t.Parallel()
	right := Login{User: "me", Password: "longer than sixteen bytes", Secret: "shared"}
	for name, test := range map[string]struct {
		login  Login
		secret string // of the server's answers
		code   byte
		want   string
	}{
		"accepted":       {right, "shared", accessAccept, ""},
		"asked for more": {right, "shared", accessChallenge, ""},
		"rejected":       {Login{User: "me", Password: "other", Secret: "shared"}, "shared", accessAccept, `rejects the login of "me"`},
		"another code":   {right, "shared", 5, "code 5, want an accept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := radiusRequest(test.login)
			if err != nil {
				t.Fatal(err)
			}
			answer := radiusServer(t, request, test.secret, test.code)
			expect(t, radiusAnswer(test.login, request, answer), test.want)
			answer[radiusHeader-1] ^= 1
			expect(t, radiusAnswer(test.login, request, answer), "does not have the seal")
		})
	}
}

func FuzzRADIUS(f *testing.F) {
	f.Add([]byte{accessAccept, 1, 0, radiusHeader, 1, 2, 3})
	f.Fuzz(func(t *testing.T, answer []byte) {
		request := bytes.Repeat([]byte{7}, radiusHeader)
		if radiusAnswer(Login{Secret: "shared"}, request, answer) == nil {
			t.Errorf("% x counts", answer)
		}
	})
}
