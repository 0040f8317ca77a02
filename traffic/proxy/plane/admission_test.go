package plane

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestClientsBeyondABindsLimitWait: a bind that is full, or TLS where the process has enough of it, takes the next client when one leaves.
func TestClientsBeyondABindsLimitWait(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"maxconn":    "listen l\n bind %PORT1 maxconn 2 ssl crt CERT\n bind %PORT2\n http-request return status 200\n",
		"maxsslconn": "global\n maxsslconn 2\nlisten l\n mode http\n timeout client 60s\n bind %PORT1 ssl crt CERT\n bind %PORT2\n http-request return status 200\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, strings.ReplaceAll(text, "CERT", newCertificate(t, "127.0.0.1")))
			var open []net.Conn
			for range 2 {
				c := secureClient(t, s.address(1))
				if err := asks(c); err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
			}
			third, err := net.Dial("tcp", s.address(1))
			if err != nil {
				t.Fatal(err)
			}
			waiting := tls.Client(third, &tls.Config{InsecureSkipVerify: true})
			_ = waiting.SetDeadline(time.Now().Add(300 * time.Millisecond))
			if err := waiting.Handshake(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a third client was served: %v", err)
			}
			if status, _, _ := get(t, s.url(2)+"/"); status != http.StatusOK {
				t.Errorf("the other bind answers %d", status)
			}
			_ = third.Close()
			_ = open[0].Close()
			if err := asks(secureClient(t, s.address(1))); err != nil {
				t.Errorf("there is room again, but %v", err)
			}
		})
	}
}

func secureClient(t *testing.T, address string) net.Conn {
	t.Helper()
	return tls.Client(dialed(t, address), &tls.Config{InsecureSkipVerify: true})
}

// asks sends a request and reads its answer; the connection stays open.
func asks(c net.Conn) error {
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
