// Package adopt is `holdfast import`: it reads the configuration of another cluster stack and makes Holdfast's of it.
//
// What it reads is told apart by its content: corosync.conf, a CIB of any age, scripts for crm and pcs, and Heartbeat's ha.cf,
// haresources and authkeys. Every file adds to one result: a document, a corosync.conf, and three lists for people: what was
// understood, what has to be done by hand, and what could not be carried over. Nothing on the host is changed; the command writes
// the result where it is told to. The package starts no goroutine.
package adopt

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast/cluster/cib"
)

// Result is what was made of the files that were read.
type Result struct {
	Document   *cib.Document // nil while nothing configures resources
	Corosync   string        // corosync.conf; "" while nothing names hosts
	Understood []string      // sentences, in the order of the files
	Steps      []string      // what is left to do
	Lost       []string      // what could not be carried over, and why
	Repairs    []string      // what --repair mended, with lines

	heartbeat heartbeat
}

// Options are how to read.
type Options struct {
	Repair bool   // mend broken XML
	Work   string // a directory for files that only the import needs
}

func (r *Result) understand(format string, args ...any) {
	r.Understood = append(r.Understood, fmt.Sprintf(format, args...))
}
func (r *Result) lose(format string, args ...any) {
	r.Lost = append(r.Lost, fmt.Sprintf(format, args...))
}

func (r *Result) step(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Steps, text) {
		r.Steps = append(r.Steps, text)
	}
}

// kind is what a file is.
type kind string

const (
	corosyncFile  kind = "corosync.conf"
	documentFile  kind = "a cluster's document"
	crmFile       kind = "a script for crm"
	pcsFile       kind = "a script for pcs"
	hacfFile      kind = "Heartbeat's ha.cf"
	resourcesFile kind = "Heartbeat's haresources"
	authkeysFile  kind = "authkeys"
	unknownFile   kind = ""
)

// kindOf tells what a file is: by its name where Heartbeat fixed that, else by what stands in it.
func kindOf(path, text string) kind {
	switch filepath.Base(path) {
	case "ha.cf":
		return hacfFile
	case "haresources":
		return resourcesFile
	case "authkeys", "authkey":
		return authkeysFile
	}
	trimmed := strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if strings.HasPrefix(trimmed, "<") {
		return documentFile
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch first := words[0]; {
		case first == "pcs" || first == "sudo" && len(words) > 1 && words[1] == "pcs":
			return pcsFile
		case slices.Contains([]string{"totem", "nodelist", "quorum", "logging", "interface"}, first) && strings.HasSuffix(strings.TrimSpace(line), "{"):
			return corosyncFile
		case first == "crm" || slices.Contains(crmWords, first):
			return crmFile
		}
	}
	return unknownFile
}

// crmWords start the commands of crm's configure level.
var crmWords = []string{"configure", "node", "primitive", "group", "clone", "ms", "master", "location", "colocation", "collocation", "order",
	"property", "rsc_defaults", "op_defaults", "rsc_template", "rsc_ticket", "fencing_topology", "bundle", "role", "user", "acl_target", "tag", "alert"}

// Read adds one file. The error names file, line and word.
func (r *Result) Read(path, text string, options Options) error {
	if at := strings.IndexFunc(text, unreadable); at >= 0 {
		return fmt.Errorf("%s:%d: byte %#x: plain text in UTF-8 was expected", path, 1+strings.Count(text[:at], "\n"), text[at])
	}
	switch k := kindOf(path, text); k {
	case documentFile:
		return r.readDocument(path, text, options)
	case corosyncFile:
		return r.readCorosync(path, text)
	case crmFile:
		return r.readCRM(path, text, options)
	case pcsFile:
		return r.readPCS(path, text, options)
	case hacfFile:
		return r.heartbeat.readConfiguration(r, path, text)
	case resourcesFile:
		return r.heartbeat.readResources(r, path, text)
	case authkeysFile:
		r.readKeys(path, text)
		return nil
	}
	return fmt.Errorf("%s: what this is cannot be told; corosync.conf, a CIB, scripts for crm or pcs, ha.cf, haresources and authkeys are read", path)
}

// unreadable says whether a character cannot stand in a document.
func unreadable(r rune) bool {
	return r == utf8.RuneError || r == '\ufffe' || r == '\uffff' || r < ' ' && r != '\t' && r != '\n' && r != '\r'
}

// Finish makes hosts and resources of what Heartbeat's files said, and looks at the whole.
func (r *Result) Finish() {
	r.heartbeat.finish(r)
	if r.Document != nil && r.Corosync == "" {
		r.step("name the hosts' addresses: 'pcs cluster setup' or 'holdfast init', or write corosync.conf")
	}
	if r.Document != nil {
		r.step("look at what is risky in it: holdfast lint")
		r.step("see what the cluster would do: CIB_file=cib.xml holdfast plan")
	}
}

// merge puts a document's configuration into the result: the whole when there is none yet, else section by section.
func (r *Result) merge(path string, doc *cib.Document) {
	if r.Document == nil {
		r.Document = doc
		return
	}
	for from := range doc.Configuration().Elements() {
		to := r.Document.EnsureSection(from.Name)
		for e := range from.Elements() {
			if id := e.ID(); id != "" && r.Document.ByID(id) != nil {
				r.lose("%s:%d: %s %s: an earlier file has it already", path, e.Line, e.Name, id)
				continue
			}
			to.Append(e.Clone())
		}
	}
}

// count sums up a document in words.
func count(doc *cib.Document) string {
	kinds := map[string]int{}
	for e := range doc.Configuration().Descendants() {
		kinds[e.Name]++
	}
	constraints := 0
	for range doc.Section("constraints").Elements() {
		constraints++
	}
	return fmt.Sprintf("%d hosts, %d resources, %d groups, %d clones, %d constraints",
		kinds["node"], kinds["primitive"], kinds["group"], kinds["clone"]+kinds["master"], constraints)
}
