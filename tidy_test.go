package holdfast_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The house style that a machine can check.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// cores are the packages that compute and never act: time, randomness and I/O are
// handed in, so that the simulator can run them.
var cores = []string{
	"cluster/cib", "cluster/scheduler", "cluster/messaging/quorum", "cluster/messaging/core", "cluster/controller",
	"cluster/messaging/qdevice", "cluster/messaging/witness", "cluster/fencing/outlast",
	"traffic/vrrp/packet", "traffic/vrrp/router", "traffic/director/table", "traffic/director/pool", "traffic/director/config",
}

// actingCalls are what a core must not call.
var actingCalls = map[string][]string{
	"time": {"Now", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Since", "Until"},
	"os":   {"Open", "Create", "OpenFile", "ReadFile", "WriteFile", "Getenv", "Exit"},
	"rand": {"Int", "Intn", "IntN", "Float64", "Perm", "Shuffle", "N"},
	"net":  {"Dial", "Listen", "DialTimeout", "ListenPacket"},
}

// catchAlls are package names that say nothing about what is inside.
var catchAlls = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base"}

type source struct {
	path  string // slash-separated, below the module's root
	lines int
	file  *ast.File
	set   *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) generated() bool { return ast.IsGenerated(s.file) }

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(path), bytes.Count(text, []byte("\n")), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.lines > maxFileLines && !s.generated() {
			t.Errorf("%s: %d lines; a file holds one concept in at most %d", s.path, s.lines, maxFileLines)
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.generated() {
			continue
		}
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if lines > maxFunctionLines {
				t.Errorf("%s: %s: %d lines; a function has at most %d", s.path, f.Name.Name, lines, maxFunctionLines)
			}
		}
	}
}

func TestCoresDoNotAct(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test() || !slices.ContainsFunc(cores, func(core string) bool { return filepath.Dir(s.path) == core }) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if statement, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s:%d: starts a goroutine in a core", s.path, s.set.Position(statement.Pos()).Line)
			}
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Obj == nil && slices.Contains(actingCalls[pkg.Name], selector.Sel.Name) {
				t.Errorf("%s:%d: calls %s.%s in a core; hand it in instead", s.path, s.set.Position(n.Pos()).Line, pkg.Name, selector.Sel.Name)
			}
			return true
		})
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "Sleep" {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "time" {
				t.Errorf("%s:%d: sleeps; wait for an event or use synctest", s.path, s.set.Position(n.Pos()).Line)
			}
			return true
		})
	}
}

func TestNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, name := range []string{s.file.Name.Name, strings.TrimSuffix(filepath.Base(s.path), ".go")} {
			if slices.Contains(catchAlls, name) {
				t.Errorf("%s: %q says nothing about what is inside", s.path, name)
			}
		}
	}
}

func TestPackagesAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test() {
			dir := filepath.Dir(s.path)
			documented[dir] = documented[dir] || s.file.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment; say what the package is for and what its callers owe it", dir)
		}
	}
}

// layers says who may import whom: a package imports packages of its own layer's folder
// and of the layers named for it.
var layers = map[string][]string{
	"atomicfile":          {},
	"peercred":            {},
	"cluster/cib":         {},
	"cluster/setup":       {"atomicfile"},
	"cluster/scheduler":   {"cluster/cib"},
	"cluster/messaging":   {"atomicfile"},
	"cluster/executor":    {"atomicfile", "cluster/cib", "pause"},
	"cluster/alerts":      {"cluster/cib", "cluster/executor"},
	"cluster/attributes":  {"cluster/cib", "cluster/messaging"},
	"cluster/fencing":     {"cluster/cib", "cluster/executor", "cluster/messaging", "pause"},
	"cluster/remote":      {"cluster/executor", "cluster/messaging"},
	"cluster/controller":  {"cluster/cib", "cluster/scheduler", "cluster/executor", "cluster/fencing", "cluster/attributes", "cluster/messaging"},
	"cluster/node/client": {"cluster/cib", "cluster/setup"},
	"cluster/simulation":  {"cluster/cib", "cluster/scheduler", "cluster/executor", "cluster/fencing", "cluster/attributes", "cluster/messaging", "cluster/controller"},
}

func TestImportsFollowTheLayers(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		layer := layerOf(s.path)
		below, ok := layers[layer]
		if !ok {
			continue
		}
		for _, spec := range s.file.Imports {
			path, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), "holdfast/")
			if !ours || within(path, layer) || slices.ContainsFunc(below, func(b string) bool { return within(path, b) }) {
				continue
			}
			t.Errorf("%s: imports %s, which is not below %s", s.path, path, layer)
		}
	}
}

// layerOf returns the longest layer that holds the file.
func layerOf(path string) string {
	longest := ""
	for layer := range layers {
		if within(path, layer) && len(layer) > len(longest) {
			longest = layer
		}
	}
	return longest
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }
