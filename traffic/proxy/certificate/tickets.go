package certificate

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// Tickets are the keys that seal the tickets of sessions, in a file that binds share.
type Tickets struct {
	Name  string
	keys  [][]byte      // the store's second mutex guards both
	users []*tls.Config // of binds, and of lists' entries
}

// fewestTickets is how many keys there have to be: one to come, one that seals, one that has sealed.
const fewestTickets = 3

// UseTickets has a configuration seal tickets with the keys of a file, one in base64 a line, 48 or 80 bytes each, of which the last three count.
func (s *Store) UseTickets(name string, t *tls.Config) error {
	s.named.Lock()
	defer s.named.Unlock()
	k := s.keysOf(name)
	if k == nil {
		text, err := s.read(name)
		if err != nil {
			return fmt.Errorf("read keys of tickets: %w", err)
		}
		k = &Tickets{Name: name}
		for n, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
			key, err := ticketKey(string(bytes.TrimSpace(line)))
			if err != nil {
				return fmt.Errorf("%s:%d: %w", name, n+1, err)
			}
			k.keys = append(k.keys, key)
		}
		if len(k.keys) < fewestTickets {
			return fmt.Errorf("%s has %d keys, want at least %d", name, len(k.keys), fewestTickets)
		}
		k.keys = k.keys[len(k.keys)-fewestTickets:]
		s.tickets = append(s.tickets, k)
	}
	k.users = append(k.users, t)
	k.install()
	return nil
}

func (s *Store) keysOf(name string) *Tickets {
	if i := slices.IndexFunc(s.tickets, func(k *Tickets) bool { return k.Name == name }); i >= 0 {
		return s.tickets[i]
	}
	return nil
}

func ticketKey(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 48 && len(key) != 80 {
		return nil, errors.New("48 or 80 bytes in base64 are expected")
	}
	return key, nil
}

// install has the users seal with the last key but one, and open with all: a new key is known everywhere before it is used. The library's
// keys are derived from these.
func (k *Tickets) install() {
	var derived [][32]byte
	for _, key := range k.keys {
		derived = append(derived, sha256.Sum256(key))
	}
	seal := len(derived) - 2
	derived[0], derived[seal] = derived[seal], derived[0]
	for _, t := range k.users {
		t.SetSessionTicketKeys(derived)
	}
}

// AddTicketKey takes a key to come into a file's keys; the oldest goes.
func (s *Store) AddTicketKey(k *Tickets, text string) error {
	key, err := ticketKey(text)
	if err != nil {
		return err
	}
	s.named.Lock()
	defer s.named.Unlock()
	k.keys = append(slices.Clone(k.keys[1:]), key)
	k.install()
	return nil
}

// TicketFiles are the files of keys, in the order in which binds named them.
func (s *Store) TicketFiles() []*Tickets {
	s.named.Lock()
	defer s.named.Unlock()
	return slices.Clone(s.tickets)
}

// TicketKeys are a file's keys in base64, the oldest first.
func (s *Store) TicketKeys(k *Tickets) []string {
	s.named.Lock()
	defer s.named.Unlock()
	var all []string
	for _, key := range k.keys {
		all = append(all, base64.StdEncoding.EncodeToString(key))
	}
	return all
}
