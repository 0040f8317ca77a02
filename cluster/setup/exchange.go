package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SharedDirs are the directories, below the root, whose files hosts of a cluster may read from and
// write to each other: configuration that belongs on all of them and that the cluster does not
// replicate itself.
var SharedDirs = []string{"etc/booth", "etc/corosync/uidgid.d", "etc/holdfast/sites"}

// ErrNotShared says that a file is not one that hosts give each other.
var ErrNotShared = errors.New("hosts give each other files of these directories only: /" + strings.Join(SharedDirs, ", /"))

// shared checks the name of a file: a plain file directly in one of SharedDirs.
func shared(name string) error {
	dir, base := filepath.Split(filepath.Clean(name))
	if !slices.Contains(SharedDirs, strings.TrimSuffix(dir, "/")) || strings.HasPrefix(base, ".") || base == "" {
		return fmt.Errorf("file %q: %w", name, ErrNotShared)
	}
	return nil
}

// ReadShared reads the files that the host shares, by their names below the root.
func (f Files) ReadShared() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, dir := range SharedDirs {
		entries, err := os.ReadDir(filepath.Join(f.Root, dir))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the files that hosts share: %w", err)
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			name := filepath.Join(dir, e.Name())
			if out[name], err = os.ReadFile(filepath.Join(f.Root, name)); err != nil {
				return nil, fmt.Errorf("read the files that hosts share: %w", err)
			}
		}
	}
	return out, nil
}

// WriteShared writes files by their names below the root, readable by root only: some are keys.
// None is written when one may not be.
func (f Files) WriteShared(files map[string][]byte) error {
	for name := range files {
		if err := shared(name); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := writeFile(filepath.Join(f.Root, name), text, 0o600); err != nil {
			return fmt.Errorf("write /%s: %w", name, err)
		}
	}
	return nil
}

// sharing adds the requests for shared files, for what the cluster is and for what happens when the host boots.
func (s *Server) sharing(mux *http.ServeMux) {
	cluster := s.options.Cluster
	mux.Handle("GET /v1/setup/files", s.admin(func(*http.Request) (any, error) { return cluster.ReadShared() }))
	mux.Handle("GET /v1/setup/site", s.admin(func(r *http.Request) (any, error) { return cluster.Site(r.Context()) }))
	mux.Handle("PUT /v1/setup/files", s.admin(func(r *http.Request) (any, error) {
		var files map[string][]byte
		if err := read(r, &files); err != nil {
			return nil, err
		}
		return nil, cluster.WriteShared(files)
	}))
	mux.Handle("POST /v1/setup/enable", s.admin(func(*http.Request) (any, error) { return nil, cluster.Enable(true) }))
	mux.Handle("POST /v1/setup/disable", s.admin(func(*http.Request) (any, error) { return nil, cluster.Enable(false) }))
	mux.Handle("POST /v1/setup/forget", s.admin(func(*http.Request) (any, error) { return nil, s.ForgetCallers() }))
}

// ForgetCallers makes every token that was given out worthless: other hosts have to log in again.
func (s *Server) ForgetCallers() error { return s.tokens.clear() }

// Shared returns the files that the host shares.
func (c *Client) Shared(ctx context.Context) (map[string][]byte, error) {
	var files map[string][]byte
	err := c.call(ctx, http.MethodGet, "files", nil, &files)
	return files, err
}

// Share gives the host files that hosts share.
func (c *Client) Share(ctx context.Context, files map[string][]byte) error {
	return c.call(ctx, http.MethodPut, "files", files, nil)
}

// Enable says whether the host takes part in its cluster by itself after it has booted.
func (c *Client) Enable(ctx context.Context, on bool) error {
	verb := "disable"
	if on {
		verb = "enable"
	}
	return c.call(ctx, http.MethodPost, verb, nil, nil)
}
