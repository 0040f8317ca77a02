package certificate

import (
	"container/list"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// Forger makes certificates for names that nobody has one for, signed by an authority that clients trust.
type Forger struct {
	issuer *x509.Certificate
	key    crypto.Signer
	limit  int

	mu    sync.Mutex // guards what follows
	known map[forged]*list.Element
	order *list.List // of *tls.Certificate's entries; what was asked for last is in front
}

// forged names a certificate that was made: for a name, with another's key.
type forged struct {
	name string
	like *tls.Certificate
}

type made struct {
	forged
	certificate *tls.Certificate
}

// Forger returns the one of a file with an authority's certificate and its key, which password decrypts where it is encrypted. It remembers as
// many certificates as limit says.
func (s *Store) Forger(name, password string, limit int) (*Forger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.forgers[name]; f != nil {
		return f, nil
	}
	text, err := s.read(name)
	if err != nil {
		return nil, fmt.Errorf("read the authority that signs: %w", err)
	}
	key := text
	if !hasKey(text) {
		if key, err = s.read(s.how.beside(name, ".key")); err != nil {
			return nil, fmt.Errorf("authority %s: it has no private key, and there is no %s", name, s.how.beside(name, ".key"))
		}
	}
	if key, err = decryptKey(key, password); err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	both, err := tls.X509KeyPair(text, key)
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	signer, ok := both.PrivateKey.(crypto.Signer)
	if !ok || !both.Leaf.IsCA {
		return nil, fmt.Errorf("authority %s: its certificate may not sign others", name)
	}
	f := &Forger{issuer: both.Leaf, key: signer, limit: limit, known: map[forged]*list.Element{}, order: list.New()}
	s.forgers[name] = f
	return f, nil
}

// forgedFor is how long a certificate that was made holds, and has held.
const forgedFor, forgedSince = 365 * 24 * time.Hour, -24 * time.Hour

// forge returns a certificate for a name that has the key of another.
func (f *Forger) forge(name string, like *tls.Certificate, now time.Time) (*tls.Certificate, error) {
	what := forged{name, like}
	if c := f.remembered(what, now); c != nil {
		return c, nil
	}
	signer, ok := like.PrivateKey.(crypto.Signer)
	if !ok || !isName(name) {
		return nil, fmt.Errorf("no certificate can be made for %q", name)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(forgedSince), NotAfter: now.Add(forgedFor), DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true}
	if longestCommonName := 64; len(name) <= longestCommonName {
		template.Subject = pkix.Name{CommonName: name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, f.issuer, signer.Public(), f.key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	c := &tls.Certificate{Certificate: [][]byte{der, f.issuer.Raw}, PrivateKey: like.PrivateKey, Leaf: leaf}
	f.remember(what, c)
	return c, nil
}

func (f *Forger) remembered(what forged, now time.Time) *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.known[what]
	if e == nil {
		return nil
	}
	if c := e.Value.(made).certificate; now.Before(c.Leaf.NotAfter) {
		f.order.MoveToFront(e)
		return c
	}
	f.forget(e)
	return nil
}

func (f *Forger) remember(what forged, c *tls.Certificate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known[what] != nil {
		return // another loop was as quick
	}
	f.known[what] = f.order.PushFront(made{what, c})
	for f.order.Len() > f.limit {
		f.forget(f.order.Back())
	}
}

func (f *Forger) forget(e *list.Element) {
	delete(f.known, e.Value.(made).forged)
	f.order.Remove(e)
}

// isName tells whether it is a name of a host as certificates have them.
func isName(name string) bool {
	return name != "" && len(name) < 254 && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}) < 0
}

// decryptKey is PEM with its private key in clear.
func decryptKey(text []byte, password string) ([]byte, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Headers["DEK-Info"] != "":
			return nil, errors.New("its private key is encrypted as was done before PKCS #8: openssl pkcs8 -topk8 changes that")
		case block.Type == "ENCRYPTED PRIVATE KEY":
			der, err := decryptPKCS8(block.Bytes, []byte(password))
			if err != nil {
				return nil, err
			}
			return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
		}
	}
	return text, nil
}
