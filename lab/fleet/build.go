package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"holdfast/lab"
)

// program is what Testing has built, and of which files.
var program struct {
	path    string
	sources []string
	look    sync.Once
}

// Program is the holdfast program that Testing has built for the hosts. It looks at what that is made of: go keeps a test's
// result until something changes that the test has looked at.
func Program() string {
	program.look.Do(func() {
		for _, source := range program.sources {
			_, _ = os.Stat(source)
		}
	})
	return program.path
}

// Testing is the body of TestMain in packages whose tests run clusters: it builds the holdfast
// program for the hosts, calls run, and removes the program again. The answer is the
// exit status.
func Testing(run func() int) int {
	lab.Main()
	dir, err := os.MkdirTemp("", "holdfast-fleet")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program.path = filepath.Join(dir, "holdfast")
	if err := build(); err != nil {
		fmt.Fprintf(os.Stderr, "build the holdfast program for the hosts: %v\n", err)
		return 1
	}
	return run()
}

// sourcesOfPackage are the files of a package of this module, for go list.
const sourcesOfPackage = `{{if .Module}}{{if .Module.Main}}{{.Module.GoMod}}
{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}
{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}
{{end}}{{end}}{{end}}`

// build makes the program, and finds out of which files.
func build() error {
	const source = "holdfast/cmd/holdfast"
	if _, err := askGo("build", "-o", program.path, source); err != nil {
		return err
	}
	list, err := askGo("list", "-deps", "-f", sourcesOfPackage, source)
	program.sources = strings.FieldsFunc(list, func(r rune) bool { return r == '\n' })
	return err
}

// askGo runs a go command and returns what it prints.
func askGo(args ...string) (string, error) {
	ask := exec.Command("go", args...)
	ask.Env = append(os.Environ(), "CGO_ENABLED=0")
	var out, complaint strings.Builder
	ask.Stdout, ask.Stderr = &out, &complaint
	if err := ask.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, complaint.String())
	}
	return out.String(), nil
}
