package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func addPrimitive(id string) func(*cib.Document) error {
	return func(d *cib.Document) error {
		d.EnsureSection("resources").Append(cib.NewElement("primitive", "id", id, "class", "ocf", "type", "Dummy"))
		return nil
	}
}

func TestOpenPicksTheHome(t *testing.T) {
	t.Parallel()
	noCluster := func() (Cluster, error) { return nil, errors.New("connection refused") }
	forbidden := func() (Cluster, error) { return nil, fmt.Errorf("connect: %w", fs.ErrPermission) }
	for _, c := range []struct {
		name string
		env  Environment
		want string // the source's name, or what the error says
	}{
		{"explicit file wins", Environment{Getenv: env(map[string]string{"CIB_file": "a.xml", "CIB_shadow": "s"}), File: "b.xml"}, "b.xml"},
		{"shadow before file", Environment{Getenv: env(map[string]string{"CIB_file": "a.xml", "CIB_shadow": "s", "CIB_shadow_dir": "d"})}, "d/shadow.s"},
		{"default shadow directory", Environment{Getenv: env(map[string]string{"CIB_shadow": "s"})}, "/var/lib/pacemaker/cib/shadow.s"},
		{"shadow name with a slash", Environment{Getenv: env(map[string]string{"CIB_shadow": "../s"})}, `"../s": expected a plain name`},
		{"file", Environment{Getenv: env(map[string]string{"CIB_file": "a.xml"})}, "a.xml"},
		{"standard input", Environment{Getenv: env(map[string]string{"CIB_file": "-"})}, "standard input"},
		{"no cluster", Environment{Connect: noCluster}, "set CIB_file=FILE"},
		{"not for this user", Environment{Connect: forbidden}, "permission denied, or set CIB_file=FILE"},
		{"nothing", Environment{}, "set CIB_file=FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(c.env)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = s.String()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}

func TestChangeMakesAMissingFileAndKeepsAnUnchangedOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cib.xml")
	s, err := Open(Environment{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(); err != nil {
		t.Fatalf("a missing file must read as an empty document: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("reading made the file: %v", err)
	}
	if err := s.Change(cib.Cause{}, addPrimitive("a")); err != nil {
		t.Fatal(err)
	}
	doc, err := s.Load()
	if err != nil || doc.ByID("a") == nil || doc.Version().Epoch != 1 {
		t.Fatalf("after a change: %v %v", doc, err)
	}
	before, _ := os.Stat(path)
	if err := s.Change(cib.Cause{}, func(*cib.Document) error { return nil }); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(path)
	if !os.SameFile(before, after) {
		t.Error("a change that changed nothing wrote the file")
	}
}

func TestChangeKeepsModeCommentsAndUnknownElements(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real.xml"), filepath.Join(dir, "link.xml")
	text := `<cib epoch="3" num_updates="7" admin_epoch="0">
  <configuration>
    <!-- the web -->
    <resources/>
    <surprise x="1"/>
  </configuration>
  <status/>
</cib>
`
	if err := os.WriteFile(path, []byte(text), 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.xml", link); err != nil {
		t.Fatal(err)
	}
	s, _ := Open(Environment{File: link})
	if err := s.Change(cib.Cause{}, addPrimitive("a")); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	want := strings.Replace(strings.Replace(text, `epoch="3" num_updates="7"`, `epoch="4" num_updates="0"`, 1), "<resources/>",
		"<resources>\n      <primitive id=\"a\" class=\"ocf\" type=\"Dummy\"/>\n    </resources>", 1)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o604 {
		t.Errorf("mode is %v now", info.Mode())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestStandardInputIsReadOnly(t *testing.T) {
	t.Parallel()
	s, _ := Open(Environment{File: "-", Stdin: strings.NewReader("<cib/>")})
	if err := s.Change(cib.Cause{}, addPrimitive("a")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v", err)
	}
}

// contended is a cluster in which somebody else is faster a number of times.
type contended struct {
	doc      *cib.Document
	faster   int
	replaced int
}

func (c *contended) Document(context.Context) (*cib.Document, error) { return c.doc.Clone(), nil }

func (c *contended) ReplaceDocument(_ context.Context, doc *cib.Document, base cib.Version, cause cib.Cause) error {
	if c.faster > 0 {
		c.faster--
		_ = addPrimitive("rival")(c.doc)
		c.doc.SetVersion(cib.Version{Epoch: c.doc.Version().Epoch + 1})
	}
	if base != c.doc.Version() {
		return ErrConflict
	}
	c.doc = doc.Clone()
	c.replaced++
	return nil
}

func (c *contended) Apply(_ context.Context, request cib.Request, cause cib.Cause) (cib.Result, error) {
	return c.doc.Apply(request, cause)
}

func TestLiveChangeIsMadeAgainWhenSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	cluster := &contended{doc: cib.New(), faster: 2}
	s, err := Open(Environment{Connect: func() (Cluster, error) { return cluster, nil }})
	if err != nil || !s.Live() {
		t.Fatalf("%v %v", s, err)
	}
	if err := s.Change(cib.Cause{}, addPrimitive("mine")); err != nil {
		t.Fatal(err)
	}
	if cluster.doc.ByID("mine") == nil || cluster.doc.ByID("rival") == nil {
		t.Error("one of the two changes is lost")
	}
	cluster.faster = attempts
	if err := s.Change(cib.Cause{}, addPrimitive("late")); !errors.Is(err, ErrConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
}
