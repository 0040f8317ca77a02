package simulate

import (
	"errors"
	"fmt"
	"io"
	"os"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/upgrade"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
)

// input is the document that is looked at.
type input struct {
	doc       *cib.Document
	origin    string // the file that --in-place writes back to: "" where it came through a pipe or from a running cluster
	unchecked bool   // it asks not to be checked against a schema
}

// load reads the document: from a file, standard input, or wherever the tools' environment
// says that the cluster's is (CIB_shadow, CIB_file, else the daemon of this host). In one that
// names a schema everything has to be in its place.
func (o *options) load(stdin io.Reader) (input, error) {
	environment := source.FromOS()
	environment.File, environment.Stdin = o.file, stdin
	if o.pipe {
		environment.File = "-"
	}
	in := input{}
	if environment.File != "" && environment.File != "-" {
		// A source may be a file that is still to be made; what is simulated must exist.
		if _, err := os.Stat(environment.File); err != nil {
			return in, &failure{exit.NoInput, fmt.Errorf("read document: %w", err)}
		}
		in.origin = environment.File
	}
	from, err := source.Open(environment)
	if err != nil {
		return in, &failure{exit.NoInput, err}
	}
	if environment.File == "" && os.Getenv("CIB_shadow") != "" {
		in.origin = from.String() // a shadow copy is there to be tried things on; a cluster's own document is not
	}
	if in.doc, err = from.Load(); err != nil {
		return in, &failure{exit.DataError, err}
	}
	schema := in.doc.Root.Get("validate-with")
	in.unchecked = schema == "none"
	if _, err := upgrade.Upgrade(in.doc); err != nil {
		status := exit.DataError
		if errors.Is(err, upgrade.ErrUnknownSchema) {
			status = exit.Config
		}
		return in, &failure{status, err}
	}
	if in.unchecked || schema == "" {
		return in, nil
	}
	var problems []error
	for _, p := range in.doc.Validate() {
		problems = append(problems, errors.New(p.String()))
	}
	if problems != nil {
		return in, &failure{exit.Config, errors.Join(problems...)}
	}
	return in, nil
}
