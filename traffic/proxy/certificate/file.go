package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// File is a certificate with its chain and its key, under the name of the file that it came from.
type File struct {
	Name    string
	current atomic.Pointer[tls.Certificate] // nil: it was made at run time, and nothing was committed yet
	next    []byte                          // PEM that was set and not committed; the store's mutex guards it
	uses    int                             // binds and lists that have it; the same
}

// Certificate is what counts now; nil: nothing yet.
func (f *File) Certificate() *tls.Certificate { return f.current.Load() }

// extras are the files that may lie beside one, by what is appended to its name.
var extras = []string{".key", ".ocsp", ".issuer", ".sctl"}

func isExtra(name string) bool { return slices.Contains(extras, filepath.Ext(name)) }

// parse makes a certificate of PEM, and of what lies beside the file.
func parse(name string, text []byte, beside func(suffix string) []byte) (*tls.Certificate, error) {
	key := text
	if !strings.Contains(string(text), "PRIVATE KEY-----") {
		if key = beside(".key"); key == nil {
			return nil, fmt.Errorf("certificate %s: it has no private key, and there is no %s.key", name, name)
		}
	}
	one, err := tls.X509KeyPair(text, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	if one.Leaf == nil {
		if one.Leaf, err = x509.ParseCertificate(one.Certificate[0]); err != nil {
			return nil, fmt.Errorf("certificate %s: %w", name, err)
		}
	}
	if issuer := beside(".issuer"); issuer != nil && len(one.Certificate) == 1 {
		if block, _ := pem.Decode(issuer); block != nil {
			one.Certificate = append(one.Certificate, block.Bytes)
		}
	}
	if staple := beside(".ocsp"); len(staple) > 0 {
		if err := checkStaple(staple, one.Leaf, time.Now()); err != nil {
			return nil, fmt.Errorf("certificate %s: %s.ocsp: %w", name, name, err)
		}
		one.OCSPStaple = staple
	}
	return &one, nil
}

// names are those that a certificate is for, in small letters.
func names(c *tls.Certificate) []string {
	all := c.Leaf.DNSNames
	if len(all) == 0 && c.Leaf.Subject.CommonName != "" {
		all = []string{c.Leaf.Subject.CommonName}
	}
	var lower []string
	for _, n := range all {
		lower = append(lower, strings.ToLower(n))
	}
	return lower
}

// File returns a certificate, which is read when it is first named.
func (s *Store) File(name string) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file(name)
}

func (s *Store) file(name string) (*File, error) {
	if f := s.files[name]; f != nil {
		return f, nil
	}
	text, err := s.read(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	c, err := parse(name, text, func(suffix string) []byte {
		b, err := s.read(name + suffix)
		if err != nil {
			return nil
		}
		return b
	})
	if err != nil {
		return nil, err
	}
	f := &File{Name: name}
	f.current.Store(c)
	s.files[name] = f
	return f, nil
}

// NewFile makes a place for a certificate that comes at run time.
func (s *Store) NewFile(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[name] != nil {
		return fmt.Errorf("certificate '%s' already exists", name)
	}
	s.files[name] = &File{Name: name}
	return nil
}

// SetFile keeps PEM to be committed.
func (s *Store) SetFile(name string, text []byte) (replaced bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.known(name)
	if err != nil {
		return false, err
	}
	before := f.next
	if f.current.Load() != nil && !strings.Contains(string(text), "PRIVATE KEY-----") && before == nil {
		return false, errors.New("the payload has no private key: give certificate, chain and key together")
	}
	if _, err := parse(name, text, func(string) []byte { return nil }); err != nil {
		return false, err
	}
	f.next = slices.Clone(text)
	return before != nil, nil
}

func (s *Store) known(name string) (*File, error) {
	if f := s.files[strings.TrimPrefix(name, "*")]; f != nil {
		return f, nil
	}
	return nil, errors.New("can't replace a certificate which is not referenced by the configuration")
}

// CommitFile has what was set count.
func (s *Store) CommitFile(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.known(name)
	if err != nil {
		return err
	}
	if f.next == nil {
		return errors.New("no ongoing transaction")
	}
	c, err := parse(name, f.next, func(string) []byte { return nil })
	if err != nil {
		return err
	}
	f.next = nil
	f.current.Store(c)
	s.refresh()
	return nil
}

// AbortFile forgets what was set.
func (s *Store) AbortFile(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.known(name)
	if err != nil || f.next == nil {
		return errors.New("no ongoing transaction")
	}
	f.next = nil
	return nil
}

// DeleteFile forgets a certificate that nothing uses.
func (s *Store) DeleteFile(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[name]
	switch {
	case f == nil:
		return fmt.Errorf("certificate '%s' doesn't exist", name)
	case f.uses > 0:
		return fmt.Errorf("certificate '%s' in use, can't be deleted", name)
	}
	delete(s.files, name)
	return nil
}

// Listed is a certificate of a store, to be shown.
type Listed struct {
	File    *File
	Pending bool // something was set and not committed
	Used    bool
}

// Files lists the certificates by name.
func (s *Store) Files() []Listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Listed
	for _, name := range sortedKeys(s.files) {
		f := s.files[name]
		all = append(all, Listed{f, f.next != nil, f.uses > 0})
	}
	return all
}
