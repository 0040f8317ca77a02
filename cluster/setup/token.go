package setup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"holdfast/atomicfile"
)

// invitationTTL is how long an invitation lets hosts join.
const invitationTTL = time.Hour

// maxGrants bounds the file of tokens; the oldest goes first.
const maxGrants = 256

// purpose says what a token is good for.
type purpose string

const (
	forAdmin purpose = "admin"
	forJoin  purpose = "join"
)

// grant is a token that was given out, without the token.
type grant struct {
	Hash    []byte    `json:"sha256"`
	Purpose purpose   `json:"purpose"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// tokens are the grants of one host, in a file that only root reads.
type tokens struct {
	path string
	now  func() time.Time

	mu     sync.Mutex // guards grants
	grants []grant
}

func openTokens(path string, now func() time.Time) (*tokens, error) {
	t := &tokens{path: path, now: now}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if err := json.Unmarshal(text, &t.grants); err != nil {
		return nil, fmt.Errorf("read tokens %s: %w; remove the file and log in again from each host", path, err)
	}
	return t, nil
}

// issue makes a token and remembers its hash.
func (t *tokens) issue(p purpose, lifetime time.Duration) (string, error) {
	token := rand.Text() + rand.Text()
	hash := sha256.Sum256([]byte(token))
	g := grant{Hash: hash[:], Purpose: p}
	if lifetime > 0 {
		g.Expires = t.now().Add(lifetime)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	grants := slices.DeleteFunc(slices.Clone(t.grants), t.expired)
	grants = append(grants, g)
	if len(grants) > maxGrants {
		grants = grants[len(grants)-maxGrants:]
	}
	text, err := json.Marshal(grants)
	if err != nil {
		return "", fmt.Errorf("encode tokens: %w", err)
	}
	if err := writeFile(t.path, text, 0o600); err != nil {
		return "", fmt.Errorf("remember token: %w", err)
	}
	t.grants = grants
	return token, nil
}

// clear forgets all tokens.
func (t *tokens) clear() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := writeFile(t.path, []byte("[]"), 0o600); err != nil {
		return fmt.Errorf("forget tokens: %w", err)
	}
	t.grants = nil
	return nil
}

func (t *tokens) expired(g grant) bool { return !g.Expires.IsZero() && t.now().After(g.Expires) }

// valid tells whether the token was given out for that purpose and is still good.
// Tokens are compared by their hashes, so timing tells nothing about them.
func (t *tokens) valid(token string, p purpose) bool {
	hash := sha256.Sum256([]byte(token))
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.grants, func(g grant) bool {
		return g.Purpose == p && slices.Equal(g.Hash, hash[:]) && !t.expired(g)
	})
}

// NewAuthkey makes a cluster key as corosync-keygen does: 256 random bytes.
func NewAuthkey() []byte {
	key := make([]byte, 256)
	rand.Read(key)
	return key
}

// writeFile replaces the file durably, in a directory that it makes where there is none yet.
func writeFile(path string, text []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteDurably(path, text, mode)
}

func fingerprint(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}
