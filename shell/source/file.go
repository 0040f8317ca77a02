package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"holdfast/atomicfile"
	"holdfast/cluster/cib"
)

// maxDocument bounds what is read of standard input, in bytes.
const maxDocument = 1 << 30

// file is a document on disk, or standard input when stdin is set.
type file struct {
	path  string
	stdin io.Reader
	// broken is Environment.Broken.
	broken func(*cib.SyntaxError)
}

func openFile(path string, stdin io.Reader, broken func(*cib.SyntaxError)) Source {
	if path != "-" {
		return &file{path: path, broken: broken}
	}
	if stdin == nil {
		stdin = os.Stdin
	}
	return &file{path: "standard input", stdin: stdin, broken: broken}
}

func (f *file) Load() (*cib.Document, error) {
	text, err := f.read()
	if errors.Is(err, fs.ErrNotExist) {
		doc := cib.New()
		doc.File = f.path
		return doc, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	doc, err := cib.Parse(f.path, text)
	if err == nil || f.broken == nil {
		return doc, err
	}
	root, flaws, mendErr := cib.Mend(f.path, text)
	if mendErr != nil {
		return nil, err
	}
	for _, flaw := range flaws {
		f.broken(flaw)
	}
	return &cib.Document{Root: root, File: f.path}, nil
}

func (f *file) read() ([]byte, error) {
	if f.stdin != nil {
		return io.ReadAll(io.LimitReader(f.stdin, maxDocument))
	}
	return os.ReadFile(f.path)
}

func (f *file) Change(cause cib.Cause, change func(*cib.Document) error) error {
	before, err := f.Load()
	if err != nil {
		return err
	}
	after := before.Clone()
	if err := change(after); err != nil {
		return err
	}
	if !cib.Touch(before, after, cib.Cause{}) {
		return nil
	}
	return f.Replace(cause, after)
}

func (f *file) Apply(request cib.Request, cause cib.Cause) (cib.Result, error) {
	doc, err := f.Load()
	if err != nil {
		return cib.Result{}, err
	}
	result, err := doc.Apply(request, cib.Cause{}) // a file keeps no record of who wrote it last, as with Pacemaker
	if err != nil || !result.Changed() {
		return result, err
	}
	return result, f.Replace(cause, doc)
}

func (f *file) Replace(_ cib.Cause, doc *cib.Document) error {
	if f.stdin != nil {
		return fmt.Errorf("store document: %w; give a file", ErrReadOnly)
	}
	return WriteFile(f.path, doc.Bytes())
}

func (f *file) Live() bool     { return false }
func (f *file) String() string { return f.path }

// WriteFile puts content at path in one step: a reader, or a host that loses power, finds
// the old content or the new. Mode and, where permitted, owner of an existing file stay;
// a new file is readable by its owner and group only, because documents hold passwords.
func WriteFile(path string, content []byte) error {
	if err := atomicfile.Rewrite(path, content, 0o640); err != nil {
		return fmt.Errorf("store document: %w", err)
	}
	return nil
}
