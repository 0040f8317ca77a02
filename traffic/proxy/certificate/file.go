package certificate

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// File is a certificate with its chain and its key, under the name of the file that it came from.
type File struct {
	Name    string
	current atomic.Pointer[tls.Certificate] // nil: it was made at run time, and nothing was committed yet

	// The store's mutex guards what follows.
	source material  // what the certificate was made of
	next   *material // what was set and not committed
	uses   int       // binds and lists that have it
}

// Certificate is what counts now; nil: nothing yet.
func (f *File) Certificate() *tls.Certificate { return f.current.Load() }

// extras are the files that may lie beside one, by what is appended to its name.
var extras = []string{".key", ".ocsp", ".issuer", ".sctl"}

func isExtra(name string) bool { return slices.Contains(extras, filepath.Ext(name)) }

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
	m := material{text, map[string][]byte{}}
	for _, extra := range extras {
		if slices.Contains(s.how.Without, extra[1:]) {
			continue
		}
		if b, err := s.read(s.how.beside(name, extra)); err == nil {
			m.beside[extra] = b
		}
	}
	c, err := s.how.parse(name, m)
	if err != nil {
		return nil, err
	}
	f := &File{Name: name, source: m}
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

// SetFile keeps PEM to be committed, or with an ending as .key what else makes a certificate.
func (s *Store) SetFile(name string, text []byte) (replaced bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, extra, err := s.part(name)
	if err != nil {
		return false, err
	}
	next := material{slices.Clone(text), map[string][]byte{}} // a new certificate has nothing of the old one's
	if extra != "" {
		from := f.source
		if f.next != nil {
			from = *f.next
		}
		next = material{from.text, maps.Clone(from.beside)}
		if next.beside == nil {
			next.beside = map[string][]byte{}
		}
		if next.beside[extra], err = decoded(extra, text); err != nil {
			return false, err
		}
	}
	if extra == ".key" {
		next.text = withoutKey(next.text) // whether it fits the commit tells: the certificate may come next
	} else if err := s.how.plausible(name, next); err != nil {
		return false, err
	}
	replaced, f.next = f.next != nil, &next
	return replaced, nil
}

// decoded is what stands beside a certificate as its file would have it: responses and timestamps are sent in base64.
func decoded(extra string, text []byte) ([]byte, error) {
	if extra != ".ocsp" && extra != ".sctl" {
		return slices.Clone(text), nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		return nil, fmt.Errorf("%s is expected in base64: %w", extra, err)
	}
	return b, nil
}

// withoutKey is PEM without its private key.
func withoutKey(text []byte) []byte {
	var kept []byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			kept = append(kept, pem.EncodeToMemory(block)...)
		}
	}
	return kept
}

// plausible makes sure that what was set can become a certificate; a key may come later.
func (l *Loading) plausible(name string, m material) error {
	if len(m.text) == 0 || !hasKey(m.text) && m.beside[".key"] == nil {
		return nil
	}
	_, err := l.parse(name, m)
	return err
}

// part finds the certificate that a name means, and where the name means something beside it the ending.
func (s *Store) part(name string) (f *File, extra string, err error) {
	if f, err = s.known(name); err == nil {
		return f, "", nil
	}
	extra = filepath.Ext(name)
	if !isExtra(name) {
		return nil, "", err
	}
	for _, f := range s.files {
		if s.how.beside(f.Name, extra) == name {
			return f, extra, nil
		}
	}
	return nil, "", err
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
	c, err := s.how.parse(name, *f.next)
	if err != nil {
		return err
	}
	f.source, f.next = *f.next, nil
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
