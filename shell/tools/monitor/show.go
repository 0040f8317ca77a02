package monitor

import (
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/option"
)

// Sections is what crm_mon prints of these sections alone, without a summary.
func Sections(doc *cib.Document, now time.Time, names ...string) string {
	show := map[string]bool{}
	for _, name := range names {
		show[name] = true
	}
	return Render(&option.Line{}, doc, show, now)
}

// program is what other commands call crm_mon: they name it by its path.
const program = "/usr/sbin/crm_mon"

// Show is what crm_mon --one-shot prints of the document with these options.
func Show(args []string, doc *cib.Document, now time.Time) (string, error) {
	line, err := option.Parse(options, args)
	if err != nil {
		return "", err
	}
	show, err := sections(line)
	if err != nil {
		return "", err
	}
	// Who wants lists alone does not want to hear that no host decides.
	show["summary"] = slices.ContainsFunc(summarySections, func(name string) bool { return show[name] })
	if line.Get("output-as") == "xml" {
		return RenderXML(line, append([]string{program}, args...), doc, show, now), nil
	}
	return Render(line, doc, show, now), nil
}
