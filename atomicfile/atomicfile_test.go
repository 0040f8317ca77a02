package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// forms are the ways to write; what holds for one holds for all.
var forms = map[string]func(string, []byte, fs.FileMode) error{"Write": Write, "WriteDurably": WriteDurably, "Rewrite": Rewrite}

func inEachForm(t *testing.T, test func(t *testing.T, write func(string, []byte, fs.FileMode) error)) {
	t.Parallel()
	for name, write := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, write)
		})
	}
}

func TestAFileIsMadeAndReplacedWhole(t *testing.T) {
	inEachForm(t, func(t *testing.T, write func(string, []byte, fs.FileMode) error) {
		path := filepath.Join(t.TempDir(), "key")
		for _, content := range []string{"a long first content", "short"} {
			if err := write(path, []byte(content), 0o666); err != nil { // which a umask would cut
				t.Fatal(err)
			}
			holds(t, path, content, 0o666)
		}
		alone(t, path)
	})
}

// TestAReaderKeepsTheOldContent: who has the old file open reads it to its end.
func TestAReaderKeepsTheOldContent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 8)
	if n, err := reader.Read(got); string(got[:n]) != "old" {
		t.Errorf("a reader found %q, %v", got[:n], err)
	}
}

// TestAFailureLeavesWhatWasThere: a directory cannot be replaced by a file, and a directory that is absent is not made.
func TestAFailureLeavesWhatWasThere(t *testing.T) {
	inEachForm(t, func(t *testing.T, write func(string, []byte, fs.FileMode) error) {
		dir := filepath.Join(t.TempDir(), "dir")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		err := write(dir, []byte("x"), 0o600)
		if err == nil || !strings.HasSuffix(err.Error(), "; what was there is unchanged") {
			t.Errorf("over a directory: %v", err)
		}
		alone(t, dir)
		absent := filepath.Join(dir, "absent", "key")
		if err := write(absent, []byte("x"), 0o600); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "replace "+absent+": ") {
			t.Errorf("in no directory: %v", err)
		}
	})
}

func TestRewriteKeepsModeAndLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := Write(path, []byte("old"), 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Fatal(err)
	}
	if err := Rewrite(link, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new", 0o604)
	if to, err := os.Readlink(link); to != "real" {
		t.Errorf("the link is %q now: %v", to, err)
	}
}

// TestRewriteWritesToAPipe: a tool of root's that is told to write to /dev/null must not put a file in its place.
func TestRewriteWritesToAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0) // for both, so that neither side waits for the other
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if err := Rewrite(path, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Fatalf("it is %v now: %v", info.Mode(), err)
	}
	got := make([]byte, 8)
	if n, err := pipe.Read(got); string(got[:n]) != "new" {
		t.Errorf("the pipe gives %q, %v", got[:n], err)
	}
}

func TestRewriteKeepsTheOwner(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	path := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12, 34); err != nil {
		t.Fatal(err)
	}
	if err := Rewrite(path, []byte("new"), 0o640); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if is := info.Sys().(*syscall.Stat_t); is.Uid != 12 || is.Gid != 34 {
		t.Errorf("it belongs to %d:%d, want 12:34", is.Uid, is.Gid)
	}
}

func holds(t *testing.T, path, want string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("it holds %q, %v; want %q", got, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
		t.Errorf("its mode is %v, %v; want %v", info.Mode(), err, mode)
	}
}

// alone checks that nothing stands beside the file.
func alone(t *testing.T, path string) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside it stand %v, %v", entries, err)
	}
}
