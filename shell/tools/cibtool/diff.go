package cibtool

import (
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var diffOptions = append([]option.Spec{
	{Long: "original", Short: 'o', Arg: option.Required, Value: "FILE", Help: "the document before"},
	{Long: "original-string", Short: 'O', Arg: option.Required, Value: "XML", Help: "the document before, as text"},
	{Long: "new", Short: 'n', Arg: option.Required, Value: "FILE", Help: "the document after"},
	{Long: "new-string", Short: 'N', Arg: option.Required, Value: "XML", Help: "the document after, as text"},
	{Long: "patch", Short: 'p', Arg: option.Required, Value: "FILE", Help: "apply this difference to the document before"},
	{Long: "stdin", Short: 's', Help: "read the document before and the document after, those that no option gives, from standard input"},
	{Long: "cib", Short: 'c', Help: "carry the digest of the document after"},
	{Long: "no-version", Short: 'u', Help: "leave the versions out, so that it applies to any version"},
}, standardOptions...)

// Diff is crm_diff: it makes and applies differences between documents. Exit status 1
// says that the documents differ.
func Diff(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{name: "crm_diff", args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	for i, arg := range args {
		if arg == "-h" {
			args[i] = "--help"
		}
	}
	usage := func(w io.Writer) {
		option.Usage(w, c.name, "compare two documents, or apply the difference", diffOptions,
			"crm_diff --original old.xml --new new.xml > patch.xml", "crm_diff --original old.xml --patch patch.xml")
	}
	if status, done := c.begin(diffOptions, usage); done {
		return status
	}
	if c.line.Has("cib") && c.line.Has("no-version") {
		fmt.Fprintf(c.stderr, "%s: --cib carries the versions that --no-version leaves out; give one of them\n", c.name)
		return exit.Usage
	}
	before, err := c.document("original")
	if err != nil {
		return c.badInput(err)
	}
	second := "new"
	if c.line.Has("patch") {
		second = "patch"
	}
	after, err := c.document(second)
	if err != nil {
		return c.badInput(err)
	}
	if before == nil || after == nil {
		fmt.Fprintf(c.stderr, "%s: expected --original with --new or --patch\n", c.name)
		return exit.DataError
	}
	if second == "patch" {
		return c.applyPatch(before, after.Root)
	}
	dropText(before.Root)
	dropText(after.Root)
	return c.compare(before, after)
}

// badInput tells what is wrong with one of the two inputs.
func (c *command) badInput(err error) int {
	c.fail(err)
	return exit.DataError
}

// compare prints the difference, if there is one.
func (c *command) compare(before, after *cib.Document) int {
	diff := cib.Diff
	if c.line.Has("cib") {
		diff = cib.SignificantDiff
	}
	if c.line.Has("no-version") {
		after.SetVersion(before.Version())
	}
	patch := diff(before, after)
	if patch == nil {
		return exit.OK
	}
	if c.line.Has("cib") {
		patch.Set("digest", after.Root.VersionedDigest())
	}
	if c.line.Has("no-version") {
		patch.Child("version").Remove()
	}
	fmt.Fprint(c.stdout, patch.Escaped())
	return exit.Error
}

// document reads the file or text that an option gives, or with --stdin the next document there; nil
// without any.
func (c *command) document(name string) (*cib.Document, error) {
	if path, ok := c.line.Lookup(name); ok {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return cib.Parse(path, text)
	}
	if text, ok := c.line.Lookup(name + "-string"); ok {
		return cib.Parse("--"+name+"-string", []byte(text))
	}
	if c.line.Has("stdin") {
		text, err := io.ReadAll(c.stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return cib.Parse("standard input", text)
	}
	return nil, nil
}

func (c *command) applyPatch(before *cib.Document, patch *cib.Element) int {
	if err := before.Patch(patch); err != nil {
		return c.fail(err)
	}
	fmt.Fprint(c.stdout, before.Root.Escaped())
	return exit.OK
}

// WriteDifference says how one document differs from another: for people, or as a patch in XML.
func WriteDifference(w io.Writer, before, after *cib.Document, xml bool) error {
	text := "no difference\n"
	if patch := cib.Diff(before, after); patch != nil && xml {
		text = patch.Escaped()
	} else if patch != nil {
		text = DescribePatch(patch)
	}
	_, err := io.WriteString(w, text)
	return err
}

// DescribePatch writes a patchset for people: a line for each object that is gone (--), new (++),
// moved (+~) or changed (+).
func DescribePatch(patch *cib.Element) string {
	var b strings.Builder
	if version := patch.Child("version"); version != nil {
		fmt.Fprintf(&b, "Diff: --- %s 2\n", cib.VersionOf(version.Child("source")))
		fmt.Fprintf(&b, "Diff: +++ %s (null)\n", cib.VersionOf(version.Child("target")))
	}
	for change := range patch.All("change") {
		path := change.Get("path")
		switch change.Get("operation") {
		case "delete":
			if position := change.Get("position"); position != "" {
				path += "[" + position + "]"
			}
			fmt.Fprintf(&b, "-- %s\n", path)
		case "move":
			fmt.Fprintf(&b, "+~ %s moved to offset %s\n", path, change.Get("position"))
		case "create":
			prefix := "++ " + path + ":  "
			for _, line := range strings.Split(strings.TrimRight(change.Children[0].Escaped(), "\n"), "\n") {
				b.WriteString(prefix + line + "\n")
				prefix = "++ " + strings.Repeat(" ", len(path)+3)
			}
		case "modify":
			fmt.Fprintf(&b, "+  %s:  %s\n", path, describeAttributes(change))
		}
	}
	return b.String()
}

func describeAttributes(change *cib.Element) string {
	var parts []string
	for a := range change.Child("change-list").All("change-attr") {
		if a.Get("operation") == "set" {
			parts = append(parts, "@"+a.Get("name")+"="+a.Get("value"))
		} else {
			parts = append(parts, "-@"+a.Get("name"))
		}
	}
	return strings.Join(parts, ", ")
}
