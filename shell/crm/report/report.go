// Package report reads what a cluster left behind: an archive as crm report and crm_report write it, such an archive unpacked,
// or any directory with transition inputs and logs.
//
// A Report knows its files; logs are read once, when they are first asked for, and their lines are brought into the order
// of time over all files. A transition is an input of the scheduler (pe-input-N and the like), together with what the logs
// say of it: when it began, when and how it ended.
package report

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mostUnpacked bounds what a file or an archive may unpack to, in bytes.
const mostUnpacked = 1 << 28

// Report is what one cluster left.
type Report struct {
	Name  string // as it was opened
	files []file

	read        bool // whether the logs have been
	lines       []Line
	transitions []Transition
}

// file is one file of a report. Its path has slashes and begins with the report's own directory.
type file struct {
	path     string
	name     string // as users find it
	modified time.Time
	read     func() ([]byte, error)
}

// Open opens a directory or an archive: tar, or tar packed by gzip or bzip2.
func Open(name string) (*Report, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("open the report: %w", err)
	}
	r := &Report{Name: name}
	if info.IsDir() {
		err = r.addDirectory(name)
	} else {
		err = r.addArchive(name)
	}
	if err != nil {
		return nil, fmt.Errorf("open the report %s: %w", name, err)
	}
	return r, nil
}

func (r *Report) addDirectory(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the scheduler takes old inputs away
		}
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		at := path.Join(filepath.Base(dir), filepath.ToSlash(inside))
		r.files = append(r.files, file{at, name, info.ModTime(), func() ([]byte, error) { return os.ReadFile(name) }})
		return nil
	})
}

func (r *Report) addArchive(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	packed, err := unpacker(f)
	if err != nil {
		return err
	}
	for left, archive := int64(mostUnpacked), tar.NewReader(packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("expected a tar archive, packed by gzip, bzip2 or not at all: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if left -= header.Size; left < 0 {
			return fmt.Errorf("the archive holds more than %d MiB; unpack it and name the directory", mostUnpacked>>20)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
		at := path.Clean(header.Name)
		r.files = append(r.files, file{at, at, header.ModTime, func() ([]byte, error) { return text, nil }})
	}
	if len(r.files) == 0 {
		return errors.New("the archive has no files")
	}
	return nil
}

// unpacker reads what f holds, unpacked: the first bytes say how it is packed.
func unpacker(f io.ReadSeeker) (io.Reader, error) {
	start := make([]byte, 6)
	n, _ := io.ReadFull(f, start)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	switch start = start[:n]; {
	case bytes.HasPrefix(start, []byte("BZh")):
		return bzip2.NewReader(f), nil
	case bytes.HasPrefix(start, []byte("\x1f\x8b")):
		return gzip.NewReader(f)
	case bytes.HasPrefix(start, []byte("\xfd7zXZ")):
		return nil, errors.New("it is packed by xz, which is not read here; unpack it and name the directory")
	}
	return f, nil
}

// Text is a file's content, unpacked.
func (f file) text() ([]byte, error) {
	text, err := f.read()
	if err != nil {
		return nil, err
	}
	from, err := unpacker(bytes.NewReader(text))
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(from, mostUnpacked))
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	return text, nil
}

// Files returns the content of all files of a name, unpacked.
func (r *Report) Files(base string) ([][]byte, error) {
	var all [][]byte
	for _, f := range r.files {
		if path.Base(f.path) != base {
			continue
		}
		text, err := f.text()
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// Contents are all files as they are, by their paths within the report's own directory.
func (r *Report) Contents() (map[string]string, error) {
	contents := map[string]string{}
	for _, f := range r.files {
		text, err := f.read()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.name, err)
		}
		_, inside, found := strings.Cut(f.path, "/")
		if !found {
			inside = f.path
		}
		contents[inside] = string(text)
	}
	return contents, nil
}

var (
	inputFile = regexp.MustCompile(`^pe-(input|warn|error)-(\d+)(\.xml)?(\.bz2|\.gz)?$`)
	logFile   = regexp.MustCompile(`^(pacemaker|corosync|ha-log|messages|syslog|journal|cluster).*$`)
	notLog    = regexp.MustCompile(`\.(conf|info|xml|json|dot)$`)
)

// node is the host that a transition input is of: in a report, REPORT/HOST/pengine/INPUT; elsewhere "".
func (f file) node() string {
	parts := strings.Split(f.path, "/")
	if len(parts) < 4 || parts[len(parts)-2] != "pengine" {
		return ""
	}
	return parts[len(parts)-3]
}

// logs are the files with lines of logs. Where hosts have their own, the one that joins them at the top is left out.
func (r *Report) logs() []file {
	var logs []file
	own := false
	for _, f := range r.files {
		if base := path.Base(f.path); logFile.MatchString(base) && !notLog.MatchString(base) {
			logs = append(logs, f)
			own = own || f.depth() > 1
		}
	}
	return slices.DeleteFunc(logs, func(f file) bool { return own && f.depth() == 1 && path.Base(f.path) == "ha-log.txt" })
}

func (f file) depth() int { return strings.Count(f.path, "/") }
