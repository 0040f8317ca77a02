package metadata

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast/atomicfile"
)

// cacheVersion stands in the first line of each kept file, before the stamp.
const cacheVersion = "holdfast-metadata 1"

// cacheDir picks a directory that this user owns: others must not be able to put
// words into an agent's mouth.
func cacheDir(root string) string {
	if os.Geteuid() == 0 {
		return filepath.Join(root, "var/cache/holdfast/metadata")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "holdfast/metadata")
	}
	return ""
}

// stampOf identifies one state of one file.
func stampOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("look at agent: %w", err)
	}
	return fmt.Sprintf("%s %d %d", path, info.ModTime().UnixNano(), info.Size()), nil
}

func (s *Store) cacheFile(stamp string) string {
	path, _, _ := strings.Cut(stamp, " ")
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(s.cache, fmt.Sprintf("%s-%x", filepath.Base(path), sum[:6]))
}

// cached returns what the agent in that state said before.
func (s *Store) cached(stamp string) ([]byte, bool) {
	if s.cache == "" {
		return nil, false
	}
	text, err := os.ReadFile(s.cacheFile(stamp))
	if err != nil {
		return nil, false
	}
	head, body, found := bytes.Cut(text, []byte("\n"))
	return body, found && string(head) == cacheVersion+" "+stamp
}

// keep writes an answer down for later processes. A cache that cannot be written
// costs time and nothing else, so failures are not reported.
func (s *Store) keep(stamp string, text []byte) {
	if s.cache == "" || os.MkdirAll(s.cache, 0o755) != nil {
		return
	}
	_ = atomicfile.Write(s.cacheFile(stamp), fmt.Appendf(nil, "%s %s\n%s", cacheVersion, stamp, text), 0o600)
}
