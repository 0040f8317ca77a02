package crm

import (
	"io"
	"math"
	"os"
	"slices"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
)

// OnFile is the crm command on the document in a file, whatever the environment says.
func OnFile(document string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := newSession(stdin, stdout, stderr, func(name string) string {
		switch name {
		case "CIB_file":
			return document
		case "CIB_shadow":
			return ""
		}
		return os.Getenv(name)
	})
	s.agents = hostAgents{metadata.NewStore(client.Root(""))}
	return s.main(args)
}

// Merge adds a configuration in crm's form to a document and returns the result. Unlike `load update` it takes what it can: each error tells file,
// line and cause of a statement that was left out.
func Merge(doc *cib.Document, file, text string) (*cib.Document, []error) {
	m := newModel(doc, hostAgents{metadata.NewStore(client.Root(""))}, func(string) {})
	list, errs := parseObjects(file, text, math.MaxInt)
	for {
		trial := m.copy()
		blamed, err := trial.applyObjects(file, list, loadUpdate, nil)
		if err == nil {
			return trial.doc, errs
		}
		errs = append(errs, err)
		if blamed == nil {
			return m.doc, errs
		}
		list = slices.DeleteFunc(list, func(o *parsedObject) bool { return o == blamed })
	}
}
