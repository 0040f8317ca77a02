package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
)

func mustIdentity(t *testing.T, key []byte, host core.HostID) *Identity {
	t.Helper()
	id, err := NewIdentity(key, host)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// issued has the authority of an identity's key sign another certificate for it.
func issued(t *testing.T, key []byte, host core.HostID, change func(*x509.Certificate)) *Identity {
	t.Helper()
	id := mustIdentity(t, key, host)
	seed, err := derive(key, "certificate authority", ed25519.SeedSize)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: hostName(host)}, DNSNames: []string{hostName(host)},
		NotBefore: certBegin, NotAfter: certEnd, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	change(leaf)
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "holdfast cluster authority"}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, public, ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	id.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	return id
}

// greet lets two identities meet, one calling the other as host 2, and tells whom the called one took the caller for; 0: nobody.
func greet(t *testing.T, caller, called *Identity) core.HostID {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	met := make(chan core.HostID, 1)
	go func() {
		b, err := l.Accept()
		if err != nil {
			met <- 0
			return
		}
		defer b.Close()
		conn := tls.Server(b, called.server())
		if conn.HandshakeContext(t.Context()) != nil {
			met <- 0
			return
		}
		host, err := hostOf(conn.ConnectionState())
		if err != nil {
			host = 0
		}
		met <- host
	}()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	err = tls.Client(a, caller.client(2)).HandshakeContext(t.Context())
	host := <-met // the server's refusal may come after the client's handshake
	if a.Close(); err != nil {
		return 0
	}
	return host
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	own := mustIdentity(t, testKey, 2)
	ended := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }
	for _, c := range []struct {
		name           string
		caller, called *Identity
		want           core.HostID
	}{
		{"a host of the cluster", mustIdentity(t, testKey, 1), own, 1},
		{"a caller with another key", mustIdentity(t, bytes.Repeat([]byte("o"), 128), 1), own, 0},
		{"called with another key", mustIdentity(t, testKey, 1), mustIdentity(t, bytes.Repeat([]byte("o"), 128), 2), 0},
		{"a caller's certificate that has expired", issued(t, testKey, 1, ended), own, 0},
		{"one called whose certificate has expired", mustIdentity(t, testKey, 1), issued(t, testKey, 2, ended), 0},
		{"one that is not valid yet", issued(t, testKey, 1, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), own, 0},
		{"a host that another's address leads to", mustIdentity(t, testKey, 1), mustIdentity(t, testKey, 3), 0},
		{"a certificate that names no host", issued(t, testKey, 1, func(c *x509.Certificate) { c.Subject.CommonName = "somebody" }), own, 0},
	} {
		if got := greet(t, c.caller, c.called); got != c.want {
			t.Errorf("%s: taken for host %d, want %d", c.name, got, c.want)
		}
	}
}

// The hosts' certificates outlast every clock: one that is years off must still be let in.
func TestCertificatesOutlastClocks(t *testing.T) {
	t.Parallel()
	for _, year := range []int{1970, 2000, 2038, 2200} {
		at := func() time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
		leaf, err := x509.ParseCertificate(mustIdentity(t, testKey, 1).cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: mustIdentity(t, testKey, 2).pool, CurrentTime: at()}); err != nil {
			t.Errorf("in %d: %v", year, err)
		}
	}
}
