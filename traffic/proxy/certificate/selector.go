package certificate

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Entry is a certificate as a bind offers it: to whom, and with what options of its own.
type Entry struct {
	File    *File
	Filters []string    // names, *.names and !names; none: those of the certificate
	Config  *tls.Config // nil: the bind's
	Options string      // as they were written
	Line    int         // in its list
	list    *List
	forged  *tls.Certificate // made for the client; File is nil then
}

// Selector chooses a bind's certificate for a client.
type Selector struct {
	strict  bool // a name that no certificate has is refused
	forger  *Forger
	entries []*Entry
	index   atomic.Pointer[index]
}

// index finds entries by what clients ask for.
type index struct {
	exact, wild map[string][]*Entry // wild without the star: .example.com
	first       *Entry
}

// refresh makes the index anew.
func (x *Selector) refresh() {
	next := &index{exact: map[string][]*Entry{}, wild: map[string][]*Entry{}}
	for _, e := range x.entries {
		c := e.File.Certificate()
		if c == nil {
			continue
		}
		if next.first == nil {
			next.first = e
		}
		wanted := slices.DeleteFunc(slices.Clone(e.Filters), func(f string) bool { return strings.HasPrefix(f, "!") })
		if len(wanted) == 0 {
			wanted = names(c)
		}
		for _, n := range wanted {
			if wild, ok := strings.CutPrefix(n, "*"); ok {
				next.wild[wild] = append(next.wild[wild], e)
			} else {
				next.exact[n] = append(next.exact[n], e)
			}
		}
	}
	x.index.Store(next)
}

// pick finds the entry for a client. Names go before wildcards, which stand for one label; of several the first whose kind of key the client can use.
func (x *Selector) pick(hello *tls.ClientHelloInfo) (*Entry, error) {
	all := x.index.Load()
	name := strings.ToLower(hello.ServerName)
	candidates := all.exact[name]
	if i := strings.IndexByte(name, '.'); len(candidates) == 0 && i > 0 {
		candidates = all.wild[name[i:]]
	}
	var found *Entry
	for _, e := range candidates {
		if slices.Contains(e.Filters, "!"+name) {
			continue
		}
		if found == nil {
			found = e
		}
		if len(candidates) == 1 || hello.SupportsCertificate(e.File.Certificate()) == nil {
			return e, nil
		}
	}
	if found == nil && x.forger != nil && all.first != nil {
		if c, err := x.forger.forge(name, all.first.File.Certificate(), time.Now()); err == nil {
			return &Entry{forged: c}, nil
		}
	}
	if found == nil && !x.strict {
		found = all.first
	}
	if found == nil {
		return nil, fmt.Errorf("no certificate for %q", hello.ServerName)
	}
	return found, nil
}

// Forge has certificates made for names that no certificate has.
func (x *Selector) Forge(f *Forger) { x.forger = f }

// Install has a bind's configuration choose by this selector.
func (x *Selector) Install(t *tls.Config) {
	t.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		e, err := x.pick(hello)
		if err != nil {
			return nil, err
		}
		return shown(hello, e), nil
	}
	if !slices.ContainsFunc(x.entries, func(e *Entry) bool { return e.list != nil }) {
		return
	}
	t.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if e, err := x.pick(hello); err == nil {
			return e.Config, nil // nil: the bind's
		}
		return nil, nil
	}
}

// Witness is a connection that wants to know which certificate its client is shown.
type Witness interface{ Shown(*tls.Certificate) }

// shown is an entry's certificate, of which the connection takes note.
func shown(hello *tls.ClientHelloInfo, e *Entry) *tls.Certificate {
	c := e.forged
	if c == nil {
		c = e.File.Certificate()
	}
	if w, ok := hello.Conn.(Witness); ok {
		w.Shown(c)
	}
	return c
}

// Select makes the selector of a bind: of certificates by name, and of a list, whose options become configurations of their own.
func (s *Store) Select(certificates []string, list string, strict bool, configure Configure) (*Selector, error) {
	x := &Selector{strict: strict}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range certificates {
		expanded, err := s.how.expand(name)
		if err != nil {
			return nil, err
		}
		for _, one := range expanded {
			f, err := s.file(one)
			if err != nil {
				return nil, err
			}
			f.uses++
			x.entries = append(x.entries, &Entry{File: f})
		}
	}
	if list != "" {
		l, err := s.list(list)
		if err != nil {
			return nil, err
		}
		l.users = append(l.users, user{x, configure})
		for _, e := range l.entries {
			if err := x.adopt(e, configure); err != nil {
				return nil, err
			}
		}
	}
	if len(x.entries) == 0 && !strict {
		return nil, fmt.Errorf("%s names no certificate: there is none to show to clients", list)
	}
	s.selectors = append(s.selectors, x)
	x.refresh()
	return x, nil
}

// Configure makes a bind's configuration with the options of a list's entry.
type Configure func(options []string) (*tls.Config, error)

// adopt takes an entry of a list, with the bind's configuration under the entry's options.
func (x *Selector) adopt(e *Entry, configure Configure) error {
	own := *e
	if e.Options != "" {
		c, err := configure(strings.Fields(e.Options))
		if err != nil {
			return fmt.Errorf("%s:%d: %w", e.list.Name, e.Line, err)
		}
		c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return shown(hello, &own), nil }
		own.Config = c
	}
	x.entries = append(x.entries, &own)
	return nil
}
