package plane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a file with a certificate for an address and its key.
func newCertificate(t *testing.T, address string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	name := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTLSWithClientsAndServers(t *testing.T) {
	t.Parallel()
	file := newCertificate(t, "192.0.2.1")
	s := start(t, `
listen inner
 bind %PORT1 ssl crt `+file+`
 http-request set-header X-Added %[ssl_fc]
 server a `+backend(t, "a")+`
listen outer
 bind %PORT2
 server inner %PORT1 ssl verify required verifyhost 192.0.2.1 ca-file `+file+`
`)
	secure := strings.Replace(s.url(1), "http:", "https:", 1)
	big := strings.Repeat("x", 1<<20)
	for _, url := range []string{secure, s.url(2)} {
		for range 3 {
			_, _, body := get(t, url+"/z", func(r *http.Request) {
				r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader(big)), int64(len(big))
			})
			if !strings.HasPrefix(body, "a POST /z 1048576 |1;") {
				t.Errorf("%s: %q", url, body)
			}
		}
		if _, _, body := get(t, url+"/chunked"); len(body) != 300000 {
			t.Errorf("%s: %d bytes", url, len(body))
		}
	}
}

// TestAHandshakeThatStandsStillHoldsUpNobody: clients that begin TLS and say no more are let go in time; others are served meanwhile.
func TestAHandshakeThatStandsStillHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s := start(t, "listen l\n timeout http-request 2s\n bind %PORT1 ssl crt "+newCertificate(t, "127.0.0.1")+"\n server a "+backend(t, "a")+"\n")
	var silent []net.Conn
	for _, said := range []string{"", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
		for range 8 {
			c := dialed(t, s.address(1))
			if _, err := io.WriteString(c, said); err != nil {
				t.Fatal(err)
			}
			silent = append(silent, c)
		}
	}
	if status, _, _ := get(t, "https://"+s.address(1)+"/"); status != 200 {
		t.Errorf("another client is answered with %d", status)
	}
	for _, c := range silent {
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a silent client is not let go")
		}
	}
}
