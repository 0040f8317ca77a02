package cibtool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/upgrade"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var cibadminOptions = append([]option.Spec{
	{Long: "query", Short: 'Q', Help: "print the document or a part of it"},
	{Long: "create", Short: 'C', Help: "add an object; its id must be new"},
	{Long: "modify", Short: 'M', Help: "merge into the object of the same name and id"},
	{Long: "replace", Short: 'R', Help: "put an object in the place of the one of the same name and id"},
	{Long: "delete", Short: 'D', Help: "remove the first object with that name and those attributes"},
	{Long: "delete-all", Short: 'd', Help: "remove every match of --xpath (needs --force)"},
	{Long: "patch", Short: 'P', Help: "apply a difference made by crm_diff"},
	{Long: "upgrade", Short: 'u', Help: "rewrite the configuration for the newest schema (needs --force)"},
	{Long: "erase", Short: 'E', Help: "empty the document (needs --force)"},
	{Long: "bump", Short: 'B', Help: "count the configuration's version up"},
	{Long: "empty", Short: 'a', Arg: option.Optional, Value: "SCHEMA", Help: "print an empty document"},
	{Long: "md5-sum", Short: '5', Help: "print the digest of XML as it lies on disk"},
	{Long: "md5-sum-versioned", Short: '6', Help: "print the digest of XML as differences carry it"},
	{Long: "show-access", Short: 'S', Arg: option.Optional, Value: "color|text|namespace", Help: "with -Q and -U: what the user may read and write"},
	{Long: "force", Short: 'f', Help: "do what may destroy data"},
	{Long: "timeout", Short: 't', Arg: option.Required, Value: "SECONDS", Help: "accepted; an answer is waited for 30 s"},
	{Long: "user", Short: 'U', Arg: option.Required, Value: "NAME", Help: "act with that user's rights"},
	{Long: "sync-call", Short: 's', Help: "accepted; every call waits for its answer"},
	{Long: "local", Short: 'l', Help: "accepted; every host has the whole document"},
	{Long: "allow-create", Short: 'c', Help: "with -M: add what is not there"},
	{Long: "no-children", Short: 'n', Help: "with -Q: without what is inside"},
	{Long: "xml-text", Short: 'X', Arg: option.Required, Value: "XML", Help: "the object as text"},
	{Long: "xml-file", Short: 'x', Arg: option.Required, Value: "FILE", Help: "the object in a file"},
	{Long: "xml-pipe", Short: 'p', Help: "the object on standard input"},
	{Long: "scope", Short: 'o', Arg: option.Required, Value: "SECTION", Help: "configuration, status, " + strings.Join(cib.Sections(), ", ")},
	{Long: "xpath", Short: 'A', Arg: option.Required, Value: "XPATH", Help: "the object meant, instead of --scope"},
	{Long: "node-path", Short: 'e', Help: "with -Q and -A: print the paths of what matches"},
	{Long: "node", Short: 'N', Arg: option.Required, Value: "HOST", Help: "accepted; every host has the whole document"},
}, standardOptions...)

// cibadminOps are the options that name an operation; the last one given counts.
var cibadminOps = map[string]cib.Op{
	"query": "query", "create": cib.OpCreate, "modify": cib.OpModify, "replace": cib.OpReplace, "delete": cib.OpDelete,
	"delete-all": cib.OpDeleteAll, "patch": cib.OpPatch, "upgrade": cib.OpUpgrade, "erase": cib.OpErase, "bump": cib.OpBump,
	"empty": "empty", "md5-sum": "md5", "md5-sum-versioned": "md5-versioned",
}

// CIBAdmin is cibadmin: it queries and edits the document.
func CIBAdmin(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{name: "cibadmin", args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	usage := func(w io.Writer) {
		option.Usage(w, c.name, "query and edit the cluster's document", cibadminOptions,
			"cibadmin --query --scope resources", "cibadmin --query --xpath \"//nvpair[@name='target-role']\"",
			"cibadmin --delete --xml-text '<primitive id=\"old\"/>'", "cibadmin --replace --xml-file cib.xml")
	}
	if status, done := c.begin(cibadminOptions, usage); done {
		return status
	}
	op := cib.Op("")
	for _, o := range c.line.Options {
		if named, ok := cibadminOps[o.Name]; ok {
			op = named
		}
	}
	if op == "empty" && len(c.line.Words) == 1 && c.line.Get("empty") == "" { // "--empty SCHEMA" as well as "--empty=SCHEMA"
		c.line.Options = append(c.line.Options, option.Given{Name: "empty", Value: c.line.Words[0]})
		c.line.Words = nil
	}
	if op == "" || len(c.line.Words) > 0 {
		usage(c.stderr)
		if len(c.line.Words) > 0 {
			fmt.Fprintf(c.stderr, "\nwords that are no option: %s\n", strings.Join(c.line.Words, " "))
		}
		return exit.Usage
	}
	dangerous := op == cib.OpErase || op == cib.OpDeleteAll || op == cib.OpUpgrade
	if dangerous && !c.line.Has("force") {
		return c.fail(exit.ErrUnsafe)
	}
	input, err := c.input()
	if err != nil {
		return c.fail(err)
	}
	switch op {
	case "empty":
		doc := cib.New()
		doc.SetVersion(cib.Version{Epoch: 1})
		if schema := c.line.Get("empty"); schema != "" {
			doc.Root.Set("validate-with", schema)
		}
		fmt.Fprint(c.stdout, doc.Root.Escaped())
		return exit.OK
	case "md5", "md5-versioned":
		return c.digest(op, input)
	}
	src, err := c.open()
	if err != nil {
		return c.fail(err)
	}
	if op == "query" {
		return c.query(src)
	}
	return c.change(src, op, input)
}

func (c *command) digest(op cib.Op, input *cib.Element) int {
	if input == nil {
		fmt.Fprintf(c.stderr, "%s: give XML with -X, -x or -p\n", c.name)
		return exit.Usage
	}
	if op == "md5" {
		fmt.Fprint(c.stderr, "Digest: ")
		fmt.Fprintln(c.stdout, input.Digest())
		return exit.OK
	}
	fmt.Fprintf(c.stderr, "Versioned (%s) digest: ", cib.FeatureSet)
	fmt.Fprintln(c.stdout, input.VersionedDigest())
	return exit.OK
}

// actingUser is on whose behalf the call is made.
func (c *command) actingUser() string {
	if user, ok := c.line.Lookup("user"); ok {
		return user
	}
	return userName()
}

func (c *command) query(src source.Source) int {
	doc, err := src.Load()
	if err != nil {
		return c.fail(err)
	}
	user := c.actingUser()
	if style, ok := c.line.Lookup("show-access"); ok {
		if c.actingUser() == "" {
			fmt.Fprintf(c.stderr, "%s: --show-access needs --user=NAME, whose rights to show\n", c.name)
			return exit.Usage
		}
		return c.showAccess(doc, user, style)
	}
	if !doc.Unrestricted(user) {
		if doc = doc.AccessOf(user, cib.SystemGroups).Readable(); doc == nil {
			return c.fail(fmt.Errorf("query: %w: user %s may read nothing", cib.ErrDenied, user))
		}
	}
	matches, err := c.matches(doc)
	if err != nil {
		return c.fail(err)
	}
	if len(matches) == 0 {
		return c.fail(fmt.Errorf("query: %w: %s", cib.ErrNotFound, c.line.Get("scope")+c.line.Get("xpath")))
	}
	c.printMatches(matches)
	return exit.OK
}

func (c *command) matches(doc *cib.Document) ([]*cib.Element, error) {
	if x, ok := c.line.Lookup("xpath"); ok {
		found, err := doc.Select(x)
		if err != nil {
			return nil, fmt.Errorf("query: %w: %w", cib.ErrNotFound, err)
		}
		return found, nil
	}
	scope := c.line.Get("scope")
	switch scope {
	case "", "all", "cib":
		return []*cib.Element{doc.Root}, nil
	case "configuration":
		scope = ""
	}
	e := doc.Root.Child("configuration")
	switch {
	case scope == "status" || slices.Contains(cib.Sections(), scope):
		e = doc.Section(scope)
	case scope != "": // Pacemaker takes a section that it does not know for the whole
		return []*cib.Element{doc.Root}, nil
	}
	if e == nil {
		return nil, nil
	}
	return []*cib.Element{e}, nil
}

func (c *command) printMatches(matches []*cib.Element) {
	if c.line.Has("node-path") && c.line.Has("xpath") {
		for _, e := range matches {
			fmt.Fprintln(c.stdout, cib.XPathOf(e))
		}
		return
	}
	shown := make([]*cib.Element, len(matches))
	for i, e := range matches {
		shown[i] = e.Clone()
		if c.line.Has("no-children") {
			shown[i].Children = nil
		}
	}
	if len(shown) == 1 {
		fmt.Fprint(c.stdout, shown[0].Escaped())
		return
	}
	all := cib.NewElement("xpath-query")
	for _, e := range shown {
		all.Append(e)
	}
	fmt.Fprint(c.stdout, all.Escaped())
}

func (c *command) change(src source.Source, op cib.Op, input *cib.Element) int {
	user := c.actingUser()
	request := cib.Request{
		Op: op, Section: c.line.Get("scope"), XPath: c.line.Get("xpath"), Input: input,
		AllowCreate: c.line.Has("allow-create"), User: user,
	}
	if user != "" {
		request.Groups = cib.SystemGroups(user)
	}
	if request.XPath != "" && request.Section != "" {
		request.XPath = "" // as with Pacemaker, a scope wins
	}
	if op == cib.OpUpgrade {
		return c.upgrade(src)
	}
	if op == cib.OpReplace && input != nil && input.Name == "cib" {
		c.replaceWhole(src, &request)
	}
	result, err := src.Apply(request, c.cause())
	if err == nil {
		return exit.OK
	}
	if result.Failed != nil {
		fmt.Fprint(c.stdout, result.Failed.Escaped())
	}
	var invalid *cib.InvalidError
	if errors.As(err, &invalid) {
		numberLines(c.stderr, invalid.Document)
	}
	if errors.Is(err, cib.ErrInput) && input == nil {
		fmt.Fprintf(c.stderr, "%s: %s needs an object: give it with -X, -x or -p\n", c.name, op)
		return exit.Software
	}
	return c.fail(err)
}

// replaceWhole lets a whole document in that does not conform, if the one before did not
// either or both say so little as Pacemaker's tools do; what is wrong is told.
func (c *command) replaceWhole(src source.Source, request *cib.Request) {
	problems := (&cib.Document{Root: request.Input}).Validate()
	if len(problems) == 0 {
		return
	}
	for _, p := range problems {
		fmt.Fprintf(c.stderr, "%s: %v\n", c.name, p)
	}
	request.SkipSchema = !src.Live() && request.Input.Get("validate-with") == ""
}

func numberLines(w io.Writer, doc *cib.Document) {
	for i, line := range strings.Split(string(doc.Bytes()), "\n") {
		fmt.Fprintf(w, "%4d %s\n", i+1, line)
	}
}

// upgrade rewrites the document for the current schema and tells what could not be kept;
// with -V everything that changed. It is a new administrative epoch, so that no host's older document wins over it.
func (c *command) upgrade(src source.Source) int {
	var report upgrade.Report
	err := src.Change(c.cause(), func(doc *cib.Document) error {
		before := doc.Root.Get("validate-with")
		var err error
		if report, err = upgrade.Upgrade(doc); err != nil {
			return fmt.Errorf("upgrade: %w: %w", cib.ErrInput, err)
		}
		if doc.Root.Get("validate-with") != before && len(report.Changes) > 0 {
			doc.SetVersion(cib.Version{AdminEpoch: doc.Version().AdminEpoch + 1})
		}
		return nil
	})
	if err != nil {
		return c.fail(err)
	}
	told := report.Losses()
	if c.line.Has("verbose") {
		told = report.Changes
	}
	for _, change := range told {
		fmt.Fprintf(c.stderr, "%s: %s\n", c.name, change)
	}
	return exit.OK
}

// isTerminal says whether output goes to a person's screen.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
