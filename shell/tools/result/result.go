// Package result is the frame around what Pacemaker's tools print: where it goes (--output-to) and, with
// --output-as=xml, the <pacemaker-result> element with the call and its status. It starts no goroutine.
package result

import (
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/codes"
	"holdfast/shell/tools/exit"
)

// New starts the XML answer to one call of a tool.
func New(tool string, args []string) *cib.Element {
	return cib.NewElement("pacemaker-result", "api-version", "2.25", "request", strings.Join(append([]string{tool}, args...), " "))
}

// Write ends an XML answer with the exit status and what went wrong, and prints it.
func Write(w io.Writer, root *cib.Element, status int, failures ...string) {
	message := "OK"
	if status != exit.OK {
		message = codes.ExitText(status)
	}
	e := root.Append(cib.NewElement("status", "code", fmt.Sprint(status), "message", message))
	if len(failures) > 0 {
		list := e.Append(cib.NewElement("errors"))
		for _, text := range failures {
			list.Append(cib.NewElement("error")).Append(&cib.Element{Kind: cib.TextNode, Text: text})
		}
	}
	fmt.Fprint(w, root.ASCII())
}

// Destination opens what --output-to names; "" and "-" are standard output. The caller calls close at the end.
func Destination(path string, stdout io.Writer) (w io.Writer, closeIt func() error, err error) {
	if path == "" || path == "-" {
		return stdout, func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, fmt.Errorf("--output-to: %w", err)
	}
	return f, f.Close, nil
}
