package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Authorities are the certificates of those who are trusted, or lists of what they have revoked, in a file.
type Authorities struct {
	Name    string
	Revoked bool // a crl-file
	current atomic.Pointer[trusted]
	next    []byte
	uses    int
}

type trusted struct {
	pool  *x509.CertPool
	count int
	lists []*x509.RevocationList
}

// Count is how many certificates or lists there are.
func (a *Authorities) Count() int {
	t := a.current.Load()
	return t.count + len(t.lists)
}

func parseTrusted(name string, text []byte, revoked bool) (*trusted, error) {
	t := &trusted{pool: x509.NewCertPool()}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE" && !revoked:
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			t.pool.AddCert(c)
			t.count++
		case block.Type == "X509 CRL" && revoked:
			l, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			t.lists = append(t.lists, l)
		}
	}
	if t.count+len(t.lists) == 0 {
		return nil, fmt.Errorf("%s has no certificate or list of revoked ones", name)
	}
	return t, nil
}

// Authorities returns a file of authorities, or of revocations, which is read when it is first named. @system-ca are those of the machine.
func (s *Store) Authorities(name string, revoked bool) (*Authorities, error) {
	s.named.Lock()
	defer s.named.Unlock()
	if a := s.authorities[name]; a != nil && a.Revoked == revoked {
		a.uses++
		return a, nil
	}
	a := &Authorities{Name: name, Revoked: revoked, uses: 1}
	if name == "@system-ca" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("the machine's authorities: %w", err)
		}
		a.current.Store(&trusted{pool: pool})
	} else {
		text, err := s.read(name)
		if err != nil {
			return nil, fmt.Errorf("read authorities: %w", err)
		}
		t, err := parseTrusted(name, text, revoked)
		if err != nil {
			return nil, err
		}
		a.current.Store(t)
	}
	s.authorities[name] = a
	return a, nil
}

// NewAuthorities makes a place for a file that comes at run time.
func (s *Store) NewAuthorities(name string, revoked bool) error {
	s.named.Lock()
	defer s.named.Unlock()
	if s.authorities[name] != nil {
		return fmt.Errorf("'%s' already exists", name)
	}
	a := &Authorities{Name: name, Revoked: revoked}
	a.current.Store(&trusted{pool: x509.NewCertPool()})
	s.authorities[name] = a
	return nil
}

func (s *Store) authority(name string, revoked bool) (*Authorities, error) {
	if a := s.authorities[name]; a != nil && a.Revoked == revoked {
		return a, nil
	}
	return nil, fmt.Errorf("'%s' is not referenced by the configuration", name)
}

// SetAuthorities keeps PEM to be committed.
func (s *Store) SetAuthorities(name string, revoked bool, text []byte) error {
	s.named.Lock()
	defer s.named.Unlock()
	a, err := s.authority(name, revoked)
	if err != nil {
		return err
	}
	if _, err := parseTrusted(name, text, revoked); err != nil {
		return err
	}
	a.next = text
	return nil
}

// CommitAuthorities has what was set count, or forgets it.
func (s *Store) CommitAuthorities(name string, revoked, abort bool) error {
	s.named.Lock()
	defer s.named.Unlock()
	a, err := s.authority(name, revoked)
	if err != nil || a.next == nil {
		return errors.New("no ongoing transaction")
	}
	if !abort {
		t, err := parseTrusted(name, a.next, revoked)
		if err != nil {
			return err
		}
		a.current.Store(t)
	}
	a.next = nil
	return nil
}

// DeleteAuthorities forgets a file that nothing uses.
func (s *Store) DeleteAuthorities(name string, revoked bool) error {
	s.named.Lock()
	defer s.named.Unlock()
	a, err := s.authority(name, revoked)
	switch {
	case err != nil:
		return err
	case a.uses > 0:
		return fmt.Errorf("'%s' in use, can't be deleted", name)
	}
	delete(s.authorities, name)
	return nil
}

// AllAuthorities lists the files of one kind by name.
func (s *Store) AllAuthorities(revoked bool) []*Authorities {
	s.named.Lock()
	defer s.named.Unlock()
	var all []*Authorities
	for _, name := range sortedKeys(s.authorities) {
		if a := s.authorities[name]; a.Revoked == revoked {
			all = append(all, a)
		}
	}
	return all
}

// The numbers under which OpenSSL knows what can be wrong with a certificate.
const (
	noCRL           = 3
	notYetValid     = 9
	expired         = 10
	crlExpired      = 12
	unknownIssuer   = 20
	revokedByIssuer = 23
	invalidPurpose  = 26
	otherProblem    = 1
)

// VerifyError is what is wrong with a peer's certificate.
type VerifyError struct {
	Number int // OpenSSL's
	Depth  int // 0: the certificate itself
	Err    error
}

func (e *VerifyError) Error() string { return e.Err.Error() }

// Unwrap is the library's error.
func (e *VerifyError) Unwrap() error { return e.Err }

// Verify checks a peer's chain against authorities, and against what they have revoked where crl is not nil: then every certificate below a root needs a list.
func Verify(chain []*x509.Certificate, ca, crl *Authorities, usage x509.ExtKeyUsage, now time.Time) *VerifyError {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	verified, err := chain[0].Verify(x509.VerifyOptions{Roots: ca.current.Load().pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return classify(err, chain, now)
	}
	if crl == nil {
		return nil
	}
	whole := verified[0]
	for depth, c := range whole[:len(whole)-1] {
		if problem := checkRevoked(c, whole[depth+1], crl.current.Load().lists, now); problem != nil {
			problem.Depth = depth
			return problem
		}
	}
	return nil
}

func classify(err error, chain []*x509.Certificate, now time.Time) *VerifyError {
	e := &VerifyError{Number: otherProblem, Err: err}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		e.Number = unknownIssuer
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if e.Number = expired; now.Before(invalid.Cert.NotBefore) {
			e.Number = notYetValid
		}
		if invalid.Cert != chain[0] {
			e.Depth = 1
		}
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		e.Number = invalidPurpose
	}
	return e
}

func checkRevoked(c, issuer *x509.Certificate, lists []*x509.RevocationList, now time.Time) *VerifyError {
	for _, l := range lists {
		if string(l.RawIssuer) != string(c.RawIssuer) || l.CheckSignatureFrom(issuer) != nil {
			continue
		}
		if !l.NextUpdate.IsZero() && now.After(l.NextUpdate) {
			return &VerifyError{Number: crlExpired, Err: fmt.Errorf("the list of what %s has revoked is out of date", issuer.Subject)}
		}
		for _, r := range l.RevokedCertificateEntries {
			if r.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return &VerifyError{Number: revokedByIssuer, Err: fmt.Errorf("the certificate of %s was revoked", c.Subject)}
			}
		}
		return nil
	}
	return &VerifyError{Number: noCRL, Err: fmt.Errorf("there is no list of what %s has revoked", c.Issuer)}
}
