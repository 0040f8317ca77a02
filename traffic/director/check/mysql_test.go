package check

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"net"
	"testing"
)

// mysqlScramble is what the servers of these tests are shown a password with.
const mysqlScramble = "abcdefghijklmnopqrst"

// mysqlGreets is a handshake of MySQL 8 without TLS.
func mysqlGreets(plugin string) []byte {
	capabilities := uint32(mysqlProtocol41 | mysqlSecure | mysqlPlugins)
	b := append([]byte("\x0a8.0.1\x00\x01\x00\x00\x00"), mysqlScramble[:8]...)
	b = append(b, 0, byte(capabilities), byte(capabilities>>8), 45, 2, 0, byte(capabilities>>16), byte(capabilities>>24), 21)
	b = append(append(b, make([]byte, 10)...), mysqlScramble[8:]...)
	return append(append(append(b, 0), plugin...), 0)
}

// mysqlServer greets, waits for an answer, and answers with packets. A client that leaves before gets nothing of them.
func mysqlServer(packets ...string) func(net.Conn) {
	return func(conn net.Conn) {
		t := &mysqlTalk{conn: conn}
		if t.write(mysqlGreets(mysqlNative)) != nil {
			return
		}
		for _, packet := range packets {
			if _, err := t.read(); err != nil {
				return
			}
			_ = t.write([]byte(packet))
		}
	}
}

// TestMySQLIsNotLeftWithoutAnAnswer: a server blocks a host whose connections end behind the handshake.
func TestMySQLIsNotLeftWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	answered := make(chan []byte, 1)
	at := serve(t, func(conn net.Conn) {
		server := &mysqlTalk{conn: conn}
		_ = server.write(mysqlGreets(mysqlNative))
		body, _ := server.read()
		answered <- body
		_ = server.write([]byte("\xff\x15\x04#28000Access denied"))
	})
	expect(t, Check{Protocol: MySQL, Target: at, Timeout: patience}.Run(t.Context()), "")
	if body := <-answered; !bytes.Contains(body, []byte("holdfast_check\x00")) {
		t.Errorf("the server got %q", body)
	}
}

// TestCachingSHA2 is the way of MySQL 8: the password's sum if the server remembers the user, else the password itself, under the server's key.
func TestCachingSHA2(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	once := sha256.Sum256([]byte("secret"))
	twice := sha256.Sum256(once[:])
	proof := sha256.Sum256(append(twice[:], mysqlScramble...))
	subtle.XORBytes(proof[:], proof[:], once[:])
	for name, remembers := range map[string]bool{"remembered": true, "not remembered": false} {
		for password, want := range map[string]string{"secret": "", "other": "it answers Access denied"} {
			t.Run(name+" "+password, func(t *testing.T) {
				t.Parallel()
				at := serve(t, func(conn net.Conn) {
					server := &mysqlTalk{conn: conn}
					_ = server.write(mysqlGreets(mysqlSHA2))
					body, _ := server.read()
					good := bytes.Contains(body, proof[:])
					if good && remembers {
						_ = server.write([]byte{mysqlMore, 3})
					} else {
						_ = server.write([]byte{mysqlMore, 4})
						_, _ = server.read()
						_ = server.write(append([]byte{mysqlMore}, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})...))
						sealed, _ := server.read()
						plain, _ := rsa.DecryptOAEP(sha1.New(), nil, key, sealed, nil)
						for i := range plain {
							plain[i] ^= mysqlScramble[i%len(mysqlScramble)]
						}
						good = string(plain) == "secret\x00"
					}
					if good {
						_ = server.write([]byte{mysqlOK, 0, 0, 2, 0, 0, 0})
					} else {
						_ = server.write([]byte("\xff\x15\x04#28000Access denied"))
					}
				})
				expect(t, Check{Protocol: MySQL, Target: at, Timeout: patience, Login: Login{User: "lb", Password: password}}.Run(t.Context()), want)
			})
		}
	}
}

func TestWaysThatMySQLMayWant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ packet, want string }{
		"in the clear": {"\xfemysql_clear_password\x00", "it wants the password in the clear, and has no TLS"},
		"unknown":      {"\xfedialog\x00", `it wants the user to come by "dialog"; known are mysql_native_password,`},
		"none":         {"\x07", "it answers with a packet that begins with 7"},
		"more of none": {"\x01\x09", "it goes on with 1 bytes that are not understood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Check{Protocol: MySQL, Target: serve(t, mysqlServer(test.packet)), Timeout: patience, Login: Login{User: "lb", Password: "secret"}}
			expect(t, c.Run(t.Context()), test.want)
		})
	}
}
