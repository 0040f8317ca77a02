// Package source is where a command's document comes from and where its changes go.
//
// A document has one of four homes, tried in this order:
//
//	an explicit file      pcs -f FILE, crm -c; "-" is standard input, which is only read
//	CIB_shadow=NAME       the file shadow.NAME in CIB_shadow_dir (default /var/lib/pacemaker/cib)
//	CIB_file=FILE         as Pacemaker's tools take it; "-" again is standard input
//	the live cluster      through the daemon's local socket
//
// A file that is missing reads as an empty document and is made by the first change.
// A file is written whole beside the old one, synced and renamed over it, so that a
// reader or a crash sees either the old document or the new one. Comments and elements
// that Holdfast does not know stay where they were.
//
// The package starts no goroutine.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// DefaultShadowDir is where shadow copies live unless CIB_shadow_dir says otherwise.
const DefaultShadowDir = "/var/lib/pacemaker/cib"

// Source is one home of a document.
type Source interface {
	// Load reads the document. The caller owns the copy.
	Load() (*cib.Document, error)
	// Change loads the document, lets change edit it, and stores it under a new version
	// if it is different now. When the live document has moved meanwhile, it is
	// loaded again and change called again. An error of change stores nothing.
	Change(cause cib.Cause, change func(*cib.Document) error) error
	// Apply makes one operation, as cibadmin names them. With a live cluster the daemon makes it, on
	// the document as it is then; it also reaches the status, which Change and Replace do not.
	Apply(request cib.Request, cause cib.Cause) (cib.Result, error)
	// Replace stores doc whole, at the version that doc says.
	Replace(cause cib.Cause, doc *cib.Document) error
	// Live says whether a running cluster stands behind.
	Live() bool
	// String names the source for messages: a path, "standard input" or "the live cluster".
	String() string
}

// Cluster is what a live source needs of the daemon.
type Cluster interface {
	// Document returns the committed document.
	Document(ctx context.Context) (*cib.Document, error)
	// ReplaceDocument commits doc in place of the one with version base. It fails with
	// an error that wraps ErrConflict when the committed version is another.
	ReplaceDocument(ctx context.Context, doc *cib.Document, base cib.Version, cause cib.Cause) error
}

// Applier is a Cluster that makes single operations, on its status too. With one that
// does not, Apply edits a copy of the document and replaces it.
type Applier interface {
	Apply(ctx context.Context, request cib.Request, cause cib.Cause) (cib.Result, error)
}

// ErrConflict says that the document has changed since it was read.
var ErrConflict = errors.New("the document has changed meanwhile")

// ErrReadOnly says that a source cannot be written.
var ErrReadOnly = errors.New("standard input can only be read")

// Environment is what Open decides by.
type Environment struct {
	Getenv  func(string) string // nil: no variable is set
	File    string              // explicit file (pcs -f), "-" for standard input, "" for none
	Stdin   io.Reader
	Connect func() (Cluster, error) // opens the live cluster; nil when there is none
	// Broken, when set, lets Load read what there is of a file with errors, and is told each of them. For tools that only look.
	Broken func(*cib.SyntaxError)
}

// Open picks the source; it fails when that is the live cluster and none answers.
func Open(env Environment) (Source, error) {
	getenv := env.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	switch {
	case env.File != "":
		return openFile(env.File, env.Stdin, env.Broken), nil
	case getenv("CIB_shadow") != "":
		path, err := ShadowPath(getenv, getenv("CIB_shadow"))
		if err != nil {
			return nil, err
		}
		return openFile(path, nil, env.Broken), nil
	case getenv("CIB_file") != "":
		return openFile(getenv("CIB_file"), env.Stdin, env.Broken), nil
	case env.Connect == nil:
		return nil, errors.New("no cluster to ask; set CIB_file=FILE to work on a file")
	}
	cluster, err := env.Connect()
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("connect to the cluster on this host: %w, or set CIB_file=FILE to work on a file", err)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster on this host: %w; "+
			"%s, or set CIB_file=FILE to work on a file", err, client.StartHint)
	}
	return &live{cluster: cluster}, nil
}

// ShadowPath returns the file of the shadow copy name. A name is a plain file name.
func ShadowPath(getenv func(string) string, name string) (string, error) {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("shadow copy %q: expected a plain name without '/'", name)
	}
	dir := getenv("CIB_shadow_dir")
	if dir == "" {
		dir = DefaultShadowDir
	}
	return strings.TrimSuffix(dir, "/") + "/shadow." + name, nil // a relative directory is shown as it was given
}
