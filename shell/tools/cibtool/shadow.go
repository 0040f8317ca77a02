package cibtool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var shadowOptions = append([]option.Spec{
	{Long: "which", Short: 'w', Help: "name the shadow copy in use"},
	{Long: "display", Short: 'p', Help: "print the shadow copy in use"},
	{Long: "edit", Short: 'E', Help: "open the shadow copy in use in $EDITOR"},
	{Long: "diff", Short: 'd', Help: "print how the shadow copy in use differs from the cluster"},
	{Long: "file", Short: 'F', Help: "print the path of the shadow copy in use"},
	{Long: "create", Short: 'c', Arg: option.Required, Value: "NAME", Help: "copy the cluster's document"},
	{Long: "create-empty", Short: 'e', Arg: option.Required, Value: "NAME", Help: "start from an empty document"},
	{Long: "commit", Short: 'C', Arg: option.Required, Value: "NAME", Help: "make the cluster's configuration that of the copy (needs --force)"},
	{Long: "delete", Short: 'D', Arg: option.Required, Value: "NAME", Help: "delete a copy (needs --force)"},
	{Long: "reset", Short: 'r', Arg: option.Required, Value: "NAME", Help: "copy the cluster's document again"},
	{Long: "switch", Short: 's', Arg: option.Required, Value: "NAME", Help: "use another copy"},
	{Long: "force", Short: 'f', Help: "overwrite, delete and commit"},
	{Long: "batch", Short: 'b', Help: "start no shell"},
	{Long: "all", Short: 'a', Help: "with --commit: the status too"},
	{Long: "validate-with", Short: 'v', Arg: option.Required, Value: "SCHEMA", Help: "with --create-empty: the schema to name"},
}, standardOptions...)

var shadowCommands = map[string]func(c *command, name string) int{
	"which": (*command).shadowShow, "display": (*command).shadowShow, "edit": (*command).shadowShow,
	"diff": (*command).shadowShow, "file": (*command).shadowShow,
	"create": (*command).shadowCreate, "create-empty": (*command).shadowCreate, "reset": (*command).shadowCreate,
	"commit": (*command).shadowCommit, "delete": (*command).shadowDelete, "switch": (*command).shadowSwitch,
}

var shadowQueries = map[string]bool{"which": true, "display": true, "edit": true, "diff": true, "file": true}

// Shadow is crm_shadow: sandboxes for configuration changes.
func Shadow(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{name: "crm_shadow", args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	usage := func(w io.Writer) {
		option.Usage(w, c.name, "try configuration changes on a copy of the document", shadowOptions,
			"crm_shadow --create test", "crm_shadow --diff", "crm_shadow --commit test --force")
	}
	if status, done := c.begin(shadowOptions, usage); done {
		return status
	}
	what, name := "", ""
	for _, o := range c.line.Options {
		if shadowCommands[o.Name] != nil {
			what, name = o.Name, o.Value
		}
	}
	if what == "" || len(c.line.Words) > 0 {
		usage(c.stderr)
		return exit.Usage
	}
	return shadowCommands[what](c, name)
}

func (c *command) did(name string) bool { return c.line.Has(name) }

// asked is the query that counts: the last one given.
func (c *command) asked() string {
	what := ""
	for _, o := range c.line.Options {
		if shadowQueries[o.Name] {
			what = o.Name
		}
	}
	return what
}

// shadowShow serves the queries about the copy in use.
func (c *command) shadowShow(string) int {
	name := os.Getenv("CIB_shadow")
	if name == "" {
		fmt.Fprintf(c.stderr, "%s: no shadow copy is in use; CIB_shadow names one\n", c.name)
		return exit.NoSuch
	}
	path, err := source.ShadowPath(os.Getenv, name)
	if err != nil {
		return c.fail(err)
	}
	asked := c.asked()
	switch asked {
	case "file":
		fmt.Fprintln(c.stdout, path)
		return exit.OK
	case "which":
		fmt.Fprintln(c.stdout, name)
		return exit.OK
	}
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintf(c.stderr, "%s: shadow copy %s: %v\n", c.name, name, err)
		return exit.NoSuch
	}
	copied, err := c.openShadow(path)
	if err != nil {
		return c.fail(err)
	}
	switch asked {
	case "edit":
		return c.edit(path)
	case "diff":
		return c.shadowDiff(copied)
	}
	fmt.Fprint(c.stdout, copied.Root.Escaped())
	return exit.OK
}

func (c *command) openShadow(path string) (*cib.Document, error) {
	src, err := source.Open(source.Environment{File: path})
	if err != nil {
		return nil, err
	}
	return src.Load()
}

func (c *command) edit(path string) int {
	editor := os.Getenv("EDITOR")
	if editor == "" {
		fmt.Fprintf(c.stderr, "%s: EDITOR is not set; set it to the editor to use\n", c.name)
		return exit.NotConfigure
	}
	cmd := exec.Command(editor, path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.stdout, c.stderr
	if err := cmd.Run(); err != nil {
		return c.fail(fmt.Errorf("edit %s with %s: %w", path, editor, err))
	}
	return exit.OK
}

// openActive opens the document behind the sandbox: CIB_file's or the cluster's.
func (c *command) openActive() (source.Source, error) {
	env := source.FromOS()
	env.Getenv = func(name string) string {
		if name == "CIB_shadow" {
			return ""
		}
		return os.Getenv(name)
	}
	return source.Open(env)
}

func (c *command) shadowDiff(copied *cib.Document) int {
	active, err := c.openActive()
	if err != nil {
		return c.fail(err)
	}
	doc, err := active.Load()
	if err != nil {
		return c.fail(err)
	}
	patch := cib.Diff(doc, copied)
	if patch == nil {
		return exit.OK
	}
	fmt.Fprint(c.stdout, DescribePatch(patch))
	return exit.Error
}

func (c *command) shadowCreate(name string) int {
	path, err := source.ShadowPath(os.Getenv, name)
	if err != nil {
		return c.fail(err)
	}
	_, statErr := os.Stat(path)
	active := os.Getenv("CIB_shadow")
	switch {
	case c.did("create-empty") && active != "" && active != name && !c.did("force"):
		fmt.Fprintf(c.stderr, "%s: shadow copy %s is in use, not %s; --force makes that one all the same\n", c.name, active, name)
		return exit.Usage
	case c.did("reset") && statErr != nil:
		fmt.Fprintf(c.stderr, "%s: shadow copy %s: %v\n", c.name, name, statErr)
		return exit.NoSuch
	case !c.did("reset") && statErr == nil && !c.did("force"):
		fmt.Fprintf(c.stderr, "%s: a shadow copy %s exists already; --force overwrites it\n", c.name, name)
		return exit.CannotCreate
	}
	doc := cib.New()
	if c.did("create-empty") {
		if schema := c.line.Get("validate-with"); schema != "" {
			doc.Root.Set("validate-with", schema)
		}
		fmt.Fprintf(c.stdout, "Created new %s configuration\n", doc.Root.Get("validate-with"))
	} else {
		active, err := c.openActive()
		if err == nil {
			doc, err = active.Load()
		}
		if err != nil {
			return c.fail(err)
		}
	}
	if err := source.WriteFile(path, doc.Bytes()); err != nil {
		fmt.Fprintf(c.stderr, "%s: %v\n", c.name, err)
		return exit.CannotCreate
	}
	return c.enterShadow(name, "A new shadow instance was created.  To begin using it paste the following into your shell:")
}

// enterShadow starts a shell that works on the copy or tells how to.
func (c *command) enterShadow(name, hint string) int {
	fmt.Fprintln(c.stdout, "Setting up shadow instance")
	if shell := os.Getenv("SHELL"); !c.did("batch") && isTerminal(c.stdout) && shell != "" {
		cmd := exec.Command(shell)
		cmd.Env = append(os.Environ(), "CIB_shadow="+name, "PS1=shadow["+name+"] # ")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.stdout, c.stderr
		if err := cmd.Run(); err != nil {
			return c.fail(err)
		}
		return exit.OK
	}
	fmt.Fprintf(c.stdout, "%s\n  CIB_shadow=%s ; export CIB_shadow\n", hint, name)
	return exit.OK
}

func (c *command) shadowSwitch(name string) int {
	path, err := source.ShadowPath(os.Getenv, name)
	if err != nil {
		return c.fail(err)
	}
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintf(c.stderr, "%s: shadow copy %s: %v\n", c.name, name, err)
		return exit.NoSuch
	}
	return c.enterShadow(name, "To switch to the named shadow instance, paste the following into your shell:")
}

func (c *command) shadowDelete(name string) int {
	if !c.did("force") {
		fmt.Fprintf(c.stderr, "%s: delete shadow copy %s: %v\n", c.name, name, exit.ErrUnsafe)
		return exit.Usage
	}
	path, err := source.ShadowPath(os.Getenv, name)
	if err != nil {
		return c.fail(err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c.fail(fmt.Errorf("delete shadow copy %s: %w", name, err))
	}
	fmt.Fprintln(c.stdout, "Please remember to unset the CIB_shadow variable by pasting the following into your shell:\n  unset CIB_shadow")
	return exit.OK
}

func (c *command) shadowCommit(name string) int {
	if !c.did("force") {
		fmt.Fprintf(c.stderr, "%s: commit shadow copy %s: %v\n", c.name, name, exit.ErrUnsafe)
		return exit.Usage
	}
	path, err := source.ShadowPath(os.Getenv, name)
	if err != nil {
		return c.fail(err)
	}
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintf(c.stderr, "%s: shadow copy %s: %v\n", c.name, name, err)
		return exit.NoSuch
	}
	copied, err := c.openShadow(path)
	if err != nil {
		return c.fail(err)
	}
	active, err := c.openActive()
	if err != nil {
		return c.fail(err)
	}
	request := cib.Request{Op: cib.OpReplace, Section: "configuration", Input: copied.Configuration()}
	if c.did("all") {
		request = cib.Request{Op: cib.OpReplace, Input: copied.Root}
	}
	if _, err := active.Apply(request, c.cause()); err != nil {
		return c.fail(fmt.Errorf("commit shadow copy %s to %s: %w", name, active, err))
	}
	fmt.Fprintln(c.stdout, "Please remember to unset the CIB_shadow variable by pasting the following into your shell:\n  unset CIB_shadow")
	return exit.OK
}
