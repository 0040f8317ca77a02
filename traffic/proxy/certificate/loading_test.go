package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatLiesBesideACertificate(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	root, err := os.ReadFile(a.path("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	one, two := a.issue(t, "one.test"), a.issue(t, "two.test")
	a.write(t, "bundle.pem.rsa", one.certificate, one.private)
	a.write(t, "bundle.pem.ecdsa", two.certificate, two.private)
	a.write(t, "short.crt", one.certificate)
	a.write(t, "short.key", one.private)
	a.write(t, "short.sctl", []byte("\x00\x07\x00\x02ab\x00\x01c"))
	a.write(t, "rooted.pem", one.certificate, root, one.private)
	if err := os.Mkdir(a.path("chains"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.write(t, "chains/ca.pem", root)
	for _, c := range []struct {
		how   Loading
		file  string
		chain int // certificates that are sent; 0: it is not found
		more  int
	}{
		{Loading{}, "bundle.pem", 1, 0},
		{Loading{Without: []string{"bundle"}}, "bundle.pem", 0, 0},
		{Loading{}, "short.crt", 0, 0},
		{Loading{Replace: true}, "short.crt", 1, 2},
		{Loading{Replace: true, Without: []string{"sctl"}}, "short.crt", 1, 0},
		{Loading{Replace: true, Without: []string{"key"}}, "short.crt", 0, 0},
		{Loading{Chains: a.path("chains")}, "bundle.pem", 2, 0},
		{Loading{}, "rooted.pem", 2, 0},
		{Loading{OmitRoot: true}, "rooted.pem", 1, 0},
	} {
		s, err := NewStore(c.how)
		if err != nil {
			t.Fatal(err)
		}
		x, err := s.Select([]string{a.path(c.file)}, "", false, nil)
		if (err == nil) != (c.chain > 0) {
			t.Errorf("%+v: %s: %v", c.how, c.file, err)
		}
		if err != nil {
			continue
		}
		first := x.entries[0].File.Certificate()
		if len(first.Certificate) != c.chain || len(first.SignedCertificateTimestamps) != c.more {
			t.Errorf("%+v: %s: %d certificates and %d timestamps, want %d and %d", c.how, c.file, len(first.Certificate), len(first.SignedCertificateTimestamps), c.chain, c.more)
		}
		if want := strings.Count(c.file, "bundle") + 1; len(x.entries) != want {
			t.Errorf("%+v: %s: %d certificates, want %d", c.how, c.file, len(x.entries), want)
		}
	}
}

// TestPartsOfACertificateChange sets the certificate, then its key, then timestamps, as separate files have them.
func TestPartsOfACertificateChange(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	one, two := a.issue(t, "one.test"), a.issue(t, "two.test")
	file := a.write(t, "one.pem", one.certificate, one.private)
	s := newStore(t)
	f, err := s.File(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ name, text string }{
		{file, string(two.certificate)}, {file + ".key", string(two.private)}, {file + ".sctl", base64.StdEncoding.EncodeToString([]byte("\x00\x03\x00\x01c"))},
	} {
		if _, err := s.SetFile(part.name, []byte(part.text)); err != nil {
			t.Fatalf("%s: %v", part.name, err)
		}
	}
	if err := s.CommitFile(file); err != nil {
		t.Fatal(err)
	}
	if c := f.Certificate(); c.Leaf.Subject.CommonName != "two.test" || len(c.SignedCertificateTimestamps) != 1 {
		t.Errorf("%s with %d timestamps is in force", c.Leaf.Subject, len(c.SignedCertificateTimestamps))
	}
	// A key of another certificate is seen when it is to count, and changes nothing.
	if _, err := s.SetFile(file+".key", one.private); err != nil {
		t.Fatal(err)
	}
	if err := s.CommitFile(file); err == nil || f.Certificate().Leaf.Subject.CommonName != "two.test" {
		t.Errorf("a key of another certificate was taken: %v", err)
	}
	if _, err := s.SetFile(file+".sctl", []byte("not base64!")); err == nil {
		t.Error("what is not base64 was taken")
	}
	if _, err := s.SetFile(filepath.Join(a.dir, "other.pem.key"), one.private); err == nil {
		t.Error("a key of nothing was taken")
	}
}

func TestCertificatesAreForged(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	own := a.issue(t, "own.test")
	root, err := os.ReadFile(a.path("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(a.path("ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	signing := a.write(t, "sign.pem", root, key)
	s := newStore(t)
	f, err := s.Forger(signing, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	for strict, none := range map[bool]string{false: "own.test ", true: `no certificate for ""`} {
		x, err := s.Select([]string{a.write(t, "own.pem", own.certificate, own.private)}, "", strict, nil)
		if err != nil {
			t.Fatal(err)
		}
		x.Forge(f)
		c := &tls.Config{}
		x.Install(c)
		for name, want := range map[string]string{"own.test": "own.test ", "any.test": "any.test ", "third.test": "third.test ", "": none} {
			if got := offered(t, c, name); got != want {
				t.Errorf("strict %v: %q: got %q, want %q", strict, name, got, want)
			}
		}
	}
	file, err := s.File(a.path("own.pem"))
	if err != nil {
		t.Fatal(err)
	}
	like := file.Certificate()
	first, err := f.forge("first.test", like, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ca, err := s.Authorities(a.path("ca.pem"), false)
	if err != nil {
		t.Fatal(err)
	}
	if problem := Verify([]*x509.Certificate{first.Leaf}, ca, nil, x509.ExtKeyUsageServerAuth, time.Now()); problem != nil || first.Leaf.VerifyHostname("first.test") != nil {
		t.Errorf("clients that trust the authority do not trust what it signed: %v", problem)
	}
	again, _ := f.forge("first.test", like, time.Now())
	later, _ := f.forge("first.test", like, time.Now().Add(2*forgedFor))
	if again != first || later == first {
		t.Error("a certificate is to be kept while it holds")
	}
	for _, name := range []string{"a.test", "b.test", "c.test"} {
		if _, err := f.forge(name, like, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.known) != 2 || f.order.Len() != 2 {
		t.Errorf("%d certificates are remembered, want 2", len(f.known))
	}
	if _, err := s.Forger(a.path("own.pem"), "", 2); err == nil {
		t.Error("a certificate that may not sign others was taken for an authority")
	}
}

// TestEncryptedKeys reads keys as OpenSSL encrypts them.
func TestEncryptedKeys(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	a := newAuthority(t)
	for _, how := range []string{"-v2 aes-128-cbc -v2prf hmacWithSHA1", "-v2 aes-256-cbc -v2prf hmacWithSHA256", "-v2 aes-192-cbc -v2prf hmacWithSHA512"} {
		command := exec.Command(openssl, append(strings.Fields("pkcs8 -topk8 -in ca.key -passout pass:secret"), strings.Fields(how)...)...)
		command.Dir = a.dir
		encrypted, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		root, err := os.ReadFile(a.path("ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		file := a.write(t, "sign.pem", root, encrypted)
		if _, err := newStore(t).Forger(file, "wrong", 1); err == nil {
			t.Errorf("%s: a wrong pass phrase was taken", how)
		}
		if _, err := newStore(t).Forger(file, "secret", 1); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func FuzzDecryptPKCS8(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(_ *testing.T, der []byte) { _, _ = decryptPKCS8(der, []byte("secret")) })
}

// TestSuitesAreOpenSSLs has lists in OpenSSL's language leave what OpenSSL's own reading of them leaves.
func TestSuitesAreOpenSSLs(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, list := range []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256",
		"HIGH:!aNULL:!MD5", "ECDHE+AESGCM:!ECDSA", "EECDH+AESGCM:EDH+AESGCM", "DEFAULT:-AES128", "kRSA", "ALL:!SHA1", "RSA+AES:!SHA", "aRSA:!kRSA:+HIGH", "SHA256", "TLSv1.2:!ECDHE",
		"ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES256:ECDH+AES128:RSA+AESGCM:!aNULL:!SHA384", "AES128-SHA,AES256-SHA", "!AES128:HIGH:AES128", "HIGH:-AES128:AES128-SHA", "ALL:@STRENGTH", "TLSv1:SSLv3",
		"FOO:ECDHE-RSA-AES128-GCM-SHA256:-AESGCM", "NULL", "",
	} {
		out, _ := exec.Command(openssl, "ciphers", "-s", "-tls1_2", list).Output()
		theirs := strings.Split(strings.TrimSpace(string(out)), ":")
		chosen, err := Suites(list)
		for _, s := range suites {
			if want := slices.Contains(theirs, s.name); slices.Contains(chosen, s.id) != want {
				t.Errorf("%q: %s: OpenSSL says %v; %v", list, s.name, want, err)
			}
		}
	}
	for list, want := range map[string]bool{"TLS_AES_128_GCM_SHA256": true, strings.Join(suites13, ":"): false} {
		if got, err := Restricts13(list); err != nil || got != want {
			t.Errorf("%s: %v, %v", list, got, err)
		}
	}
	if _, err := Restricts13("ECDHE-RSA-AES128-GCM-SHA256"); err == nil {
		t.Error("a suite of TLS 1.2 was taken for one of TLS 1.3")
	}
}

func TestTicketKeys(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	key := func(c string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(c, 48))) }
	file := a.write(t, "tickets", []byte(key("a")+"\n"+key("b")+"\n"+key("c")+"\n"+key("d")+"\n"))
	s := newStore(t)
	for range 2 {
		if err := s.UseTickets(file, &tls.Config{}); err != nil {
			t.Fatal(err)
		}
	}
	all := s.TicketFiles()
	if len(all) != 1 {
		t.Fatalf("%d files, want 1", len(all))
	}
	if err := s.AddTicketKey(all[0], "short"); err == nil {
		t.Error("a short key was taken")
	}
	if err := s.AddTicketKey(all[0], key("e")); err != nil {
		t.Fatal(err)
	}
	if got, want := s.TicketKeys(all[0]), []string{key("c"), key("d"), key("e")}; !slices.Equal(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
	if err := s.UseTickets(a.write(t, "few", []byte(key("a")+"\n")), &tls.Config{}); err == nil {
		t.Error("a single key was taken")
	}
}

// A line of a list is configured as its bind is, which may name keys of tickets and authorities.
func TestAListsLineNamesTicketsAndAuthorities(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	one := a.issue(t, "one.test")
	a.write(t, "one.test", one.certificate, one.private)
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 48))) + "\n"
	tickets := a.write(t, "tickets", []byte(key+key+key))
	list := a.write(t, "list", []byte(a.path("one.test")+" [alpn h2]\n"))
	s := newStore(t)
	configured := 0
	configure := func([]string) (*tls.Config, error) {
		configured++
		c := &tls.Config{}
		if _, err := s.Authorities(a.path("ca.pem"), false); err != nil {
			return nil, err
		}
		return c, s.UseTickets(tickets, c)
	}
	if _, err := s.Select(nil, list, false, configure); err != nil {
		t.Fatal(err)
	}
	if err := s.AddToList(list, a.path("one.test")+" [alpn h2] two.test"); err != nil {
		t.Fatal(err)
	}
	if configured != 2 {
		t.Errorf("%d lines were configured, want 2", configured)
	}
}
