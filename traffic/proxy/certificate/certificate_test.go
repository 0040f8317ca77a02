package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is one that issues certificates.
type authority struct {
	dir    string
	leaf   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), serial: 100}
	text := a.issue(t, "authority")
	a.leaf, a.key = text.leaf, text.key
	a.write(t, "ca.pem", text.certificate)
	a.write(t, "ca.key", text.private)
	return a
}

type issued struct {
	certificate, private []byte
	leaf                 *x509.Certificate
	key                  *ecdsa.PrivateKey
}

// issue makes a certificate for names; the first makes the authority's own.
func (a *authority) issue(t *testing.T, names ...string) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.serial++
	template := &x509.Certificate{SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	parent, signer := a.leaf, a.key
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	private, _ := x509.MarshalECPrivateKey(key)
	leaf, _ := x509.ParseCertificate(der)
	return issued{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), leaf, key}
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(t *testing.T, name string, parts ...[]byte) string {
	t.Helper()
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	if err := os.WriteFile(a.path(name), all, 0o600); err != nil {
		t.Fatal(err)
	}
	return a.path(name)
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := NewStore(Loading{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// offered is the name of the certificate that a client gets which asks for a name.
func offered(t *testing.T, c *tls.Config, name string) string {
	t.Helper()
	hello := &tls.ClientHelloInfo{ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}}
	if c.GetConfigForClient != nil {
		own, err := c.GetConfigForClient(hello)
		if err != nil {
			t.Fatal(err)
		}
		if own != nil {
			c = own
		}
	}
	one, err := c.GetCertificate(hello)
	if err != nil {
		return err.Error()
	}
	return one.Leaf.Subject.CommonName + " " + strings.Join(c.NextProtos, ",")
}

func TestAListChoosesByName(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	for _, name := range []string{"first.test", "named.test", "wild.test"} {
		one := a.issue(t, name)
		a.write(t, name, one.certificate, one.private)
	}
	beside := a.issue(t, "beside.test", "other.test")
	a.write(t, "beside.test", beside.certificate)
	a.write(t, "beside.test.key", beside.private)
	list := a.write(t, "list", []byte(fmt.Sprintf("# a comment\n%s\n%s [alpn h2] asked.test\n%s *.wild.test !no.wild.test\n%s\n",
		a.path("first.test"), a.path("named.test"), a.path("wild.test"), a.path("beside.test"))))
	s := newStore(t)
	configure := func(options []string) (*tls.Config, error) { return &tls.Config{NextProtos: options[1:]}, nil }
	for strict, unknown := range map[bool]string{false: "first.test ", true: `no certificate for "nobody.test"`} {
		x, err := s.Select(nil, list, strict, configure)
		if err != nil {
			t.Fatal(err)
		}
		c := &tls.Config{}
		x.Install(c)
		none := strings.ReplaceAll(unknown, "nobody.test", "no.wild.test")
		for name, want := range map[string]string{"first.test": "first.test ", "ASKED.test": "named.test h2", "a.wild.test": "wild.test ", "no.wild.test": none,
			"other.test": "beside.test ", "nobody.test": unknown} {
			if got := offered(t, c, name); got != want {
				t.Errorf("strict %v: %s: got %q, want %q", strict, name, got, want)
			}
		}
	}
}

func TestCertificatesChange(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	one, two := a.issue(t, "one.test"), a.issue(t, "two.test")
	file := a.write(t, "one", one.certificate, one.private)
	list := a.write(t, "list", []byte(file+"\n"))
	s := newStore(t)
	x, err := s.Select(nil, list, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{}
	x.Install(c)
	if _, err := s.SetFile(file, append(two.certificate, one.private...)); err == nil {
		t.Error("a key that does not fit was taken")
	}
	if _, err := s.SetFile(file, append(two.certificate, two.private...)); err != nil {
		t.Fatal(err)
	}
	if got := offered(t, c, "one.test"); got != "one.test " {
		t.Errorf("before the commit: %s", got)
	}
	if err := s.CommitFile(file); err != nil {
		t.Fatal(err)
	}
	if got := offered(t, c, "two.test"); got != "two.test " {
		t.Errorf("after the commit: %s", got)
	}
	if err := s.CommitFile(file); err == nil || s.DeleteFile(file) == nil {
		t.Error("there was nothing to commit, and the file is in use")
	}
	// One that comes whole at run time.
	if err := s.NewFile("new"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetFile("new", append(one.certificate, one.private...)); err != nil {
		t.Fatal(err)
	}
	if err := s.AddToList(list, "new"); err == nil {
		t.Error("a list took a certificate that is not there yet")
	}
	if err := s.CommitFile("new"); err != nil {
		t.Fatal(err)
	}
	if err := s.AddToList(list, "new"); err != nil {
		t.Fatal(err)
	}
	if got := offered(t, c, "one.test"); got != "one.test " {
		t.Errorf("after it was added: %s", got)
	}
	if err := s.RemoveFromList(list, "new", 0); err != nil || s.DeleteFile("new") != nil {
		t.Errorf("it cannot be taken out: %v", err)
	}
	if got := offered(t, c, "one.test"); !strings.HasPrefix(got, "no certificate") {
		t.Errorf("after it was taken out: %s", got)
	}
}

func TestRevokedCertificates(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	good, bad := a.issue(t, "good"), a.issue(t, "bad")
	crl, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: bad.leaf.SerialNumber, RevocationTime: time.Now()}}}, a.leaf, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, "crl.pem", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl}))
	s := newStore(t)
	ca, err := s.Authorities(a.path("ca.pem"), false)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := s.Authorities(a.path("crl.pem"), true)
	if err != nil {
		t.Fatal(err)
	}
	stranger := newAuthority(t).issue(t, "stranger")
	for _, c := range []struct {
		leaf *x509.Certificate
		at   time.Duration
		want int
	}{{good.leaf, 0, 0}, {bad.leaf, 0, revokedByIssuer}, {stranger.leaf, 0, unknownIssuer}, {good.leaf, 2 * time.Hour, expired}, {good.leaf, -2 * time.Hour, notYetValid}} {
		got := 0
		if problem := Verify([]*x509.Certificate{c.leaf}, ca, revoked, x509.ExtKeyUsageAny, time.Now().Add(c.at)); problem != nil {
			got = problem.Number
		}
		if got != c.want {
			t.Errorf("%s after %s: error %d, want %d", c.leaf.Subject, c.at, got, c.want)
		}
	}
}

func TestStaples(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	a := newAuthority(t)
	one, two := a.issue(t, "one"), a.issue(t, "two")
	file := a.write(t, "one.pem", one.certificate, one.private)
	a.write(t, "index.txt", []byte(fmt.Sprintf("V\t%s\t\t%X\tunknown\t/CN=one\n", one.leaf.NotAfter.UTC().Format("060102150405Z"), one.leaf.SerialNumber)))
	command := exec.Command(openssl, "ocsp", "-issuer", "ca.pem", "-cert", "one.pem", "-index", "index.txt", "-rsigner", "ca.pem", "-rkey", "ca.key", "-CA", "ca.pem",
		"-ndays", "1", "-noverify", "-respout", "one.pem.ocsp")
	command.Dir = a.dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := newStore(t)
	f, err := s.File(file)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := os.ReadFile(file + ".ocsp")
	staple, err := ParseStaple(der)
	if err != nil || string(f.Certificate().OCSPStaple) != string(der) || !staple.Good || staple.Serial.Cmp(one.leaf.SerialNumber) != 0 || !staple.NextUpdate.After(time.Now()) {
		t.Errorf("%+v, %v", staple, err)
	}
	if err := s.SetStaple(der, time.Now()); err != nil {
		t.Error(err)
	}
	if err := checkStaple(der, one.leaf, time.Now().Add(48*time.Hour)); err == nil {
		t.Error("a response that is out of date was taken")
	}
	if err := checkStaple(der, two.leaf, time.Now()); err == nil {
		t.Error("the response of another certificate was taken")
	}
}

func FuzzParseStaple(f *testing.F) {
	f.Add([]byte{0x30, 3, 10, 1, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		if s, err := ParseStaple(der); err == nil && s.Serial == nil {
			t.Error("a response about nothing")
		}
	})
}

func FuzzListLine(f *testing.F) {
	f.Add("/a.pem [alpn h2 ssl-min-ver TLSv1.2] *.a !b.a # c")
	f.Fuzz(func(t *testing.T, line string) {
		if e, err := parseLine(line); err == nil && e.file == "" && (e.options != "" || len(e.filters) > 0) {
			t.Errorf("%q: %+v", line, e)
		}
	})
}
