package monitor

import (
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/option"
)

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
	if line.Get("output-as") == "xml" {
		return RenderXML(line, args, doc, show, now), nil
	}
	return Render(line, doc, show, now), nil
}
