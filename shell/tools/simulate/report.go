package simulate

import (
	"errors"
	"fmt"
	"io"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/result"
)

// report is what the tool prints: lines of text or, with --output-as=xml, one element that
// has the same facts. Its text keeps silent with --quiet; its XML is whole all the same.
type report struct {
	out, stderr io.Writer
	text        bool         // text is to be printed
	root        *cib.Element // nil for text
	section     *cib.Element // of root, the one that is being filled
	complaints  []string
	status      int // exit status, as far as is known
}

// fact is one element of a report.
type fact struct {
	name       string
	attributes []string // names and values, one after the other
}

func newReport(o *options, args []string, out, stderr io.Writer) *report {
	r := &report{out: out, stderr: stderr, status: exit.OK}
	if o.format == "xml" {
		r.root = result.New("crm_simulate", args)
		return r
	}
	r.text = !o.quiet
	if (o.showScores || o.showUtilization) && !o.fancy {
		r.out = &plainWriter{out: out}
	}
	return r
}

// printf writes what only text has.
func (r *report) printf(format string, args ...any) {
	if r.text {
		fmt.Fprintf(r.out, format, args...)
	}
}

// begin starts a section: an element, or a heading.
func (r *report) begin(element, heading string) {
	if r.root != nil {
		r.section = r.root.Append(cib.NewElement(element))
	}
	r.printf("%s", heading)
}

// tell writes a fact of the section, or the line of text that says it.
func (r *report) tell(f fact, format string, args ...any) {
	if r.root != nil {
		if r.section != nil {
			r.section.Append(cib.NewElement(f.name, f.attributes...))
		}
		return
	}
	r.printf(format, args...)
}

// note is a fact that XML has as an attribute of the section.
func (r *report) note(name, value, format string) {
	if r.root != nil {
		r.section.Set(name, value)
	}
	r.printf(format, value)
}

// complain tells of what is wrong with the call, while the rest of it is carried out.
func (r *report) complain(err error) {
	r.complaints = append(r.complaints, err.Error())
	if r.root == nil {
		fmt.Fprintf(r.stderr, "crm_simulate: %v\n", err)
	}
}

// reject complains of what the exit status has to tell of, too.
func (r *report) reject(err error) {
	r.complain(err)
	r.status = exit.Software
	var f *failure
	if errors.As(err, &f) {
		r.status = f.status
	}
}

// end completes the report and returns the exit status.
func (r *report) end() int {
	if r.root != nil {
		result.Write(r.out, r.root, r.status, r.complaints...)
	}
	return r.status
}
