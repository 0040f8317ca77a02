// Package adopt is `holdfast import`: it reads the configuration of another cluster stack and makes Holdfast's of it.
//
// What it reads is told apart by its content: corosync.conf, a CIB of any age, scripts for crm and pcs, and Heartbeat's ha.cf,
// haresources and authkeys. Every file adds to one result: a document, a corosync.conf, and three lists for people: what was
// understood, what has to be done by hand, and what could not be carried over; Finish adds what the cluster would do with it. Nothing
// on the host is changed; the command writes the result where it is told to. The package starts no goroutine.
package adopt

import (
	"fmt"
	"path/filepath"
	"regexp"
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
	Would      []string      // what the cluster would do with it, all hosts up
	Steps      []string      // what is left to do
	Lost       []string      // what could not be carried over, and why
	Repairs    []string      // what --repair mended, with lines

	heartbeat    heartbeat
	corosyncText string // as it was read
	corosyncFrom string // the file, or the line of a script
	corosyncMade bool   // it was written here, and no file
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
	crmFile       kind = "a configuration for crm"
	scriptFile    kind = "a script of pcs and crm commands"
	hacfFile      kind = "Heartbeat's ha.cf"
	resourcesFile kind = "Heartbeat's haresources"
	authkeysFile  kind = "authkeys"
	unknownFile   kind = ""
)

// called finds pcs or crm where a script calls it.
var called = regexp.MustCompile(`(?m)^\s*(?:[^#\n]*(?:[;&|]|\bdo|\bthen)\s*)?(?:sudo\s+)?(?:/usr/sbin/)?(?:pcs|crm)\s`)

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
	if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")), "<") {
		return documentFile
	}
	if called.MatchString(text) {
		return scriptFile
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.Replace(line, "{", " {", 1))
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch first := words[0]; {
		case first == "compatibility:" || slices.Contains(corosyncWords, first) && len(words) > 1 && words[1] == "{":
			return corosyncFile
		case slices.Contains(hacfWords, first):
			return hacfFile
		case slices.Contains(crmWords, first):
			return crmFile
		}
	}
	return unknownFile
}

// corosyncWords begin the sections of corosync.conf; hacfWords begin lines of ha.cf that no other file has.
var (
	corosyncWords = []string{"totem", "nodelist", "quorum", "logging", "interface", "service", "aisexec", "amf", "system", "uidgid"}
	hacfWords     = []string{"keepalive", "deadtime", "warntime", "initdead", "udpport", "auto_failback", "ucast", "bcast", "mcast", "logfacility", "use_logd", "debugfile"}
)

// crmWords start the commands of crm's configure level.
var crmWords = []string{"configure", "node", "primitive", "group", "clone", "ms", "master", "location", "colocation", "collocation", "order",
	"property", "rsc_defaults", "op_defaults", "rsc_template", "rsc_ticket", "fencing_topology", "bundle", "role", "user", "acl_target", "acl_group", "tag", "alert", "monitor", "xml"}

// Read adds one file. The error names file, line and word.
func (r *Result) Read(path, text string, options Options) error {
	k := kindOf(path, text)
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("%s: the file is empty", path)
	}
	if at := strings.IndexFunc(text, unreadable); at >= 0 && filepath.Base(path) != "authkey" {
		return fmt.Errorf("%s:%d: byte %#x: plain text in UTF-8 was expected", path, 1+strings.Count(text[:at], "\n"), text[at])
	}
	switch k {
	case documentFile:
		return r.readDocument(path, text, options)
	case corosyncFile:
		return r.readCorosync(path, text)
	case crmFile:
		r.readCRM(path, text)
		return nil
	case scriptFile:
		return r.readScript(path, text, options)
	case hacfFile:
		return r.heartbeat.readConfiguration(r, path, text)
	case resourcesFile:
		return r.heartbeat.readResources(r, path, text)
	case authkeysFile:
		return r.readKeys(path, text)
	}
	line, first := 1, ""
	for _, l := range strings.Split(text, "\n") {
		if first = strings.TrimSpace(l); first != "" && first[0] != '#' {
			break
		}
		line++
	}
	return fault(path, line, "%.60s: what this is cannot be told; corosync.conf, a CIB, configurations for crm, scripts of crm and pcs, ha.cf, haresources and authkeys are read", first)
}

// fault is an error at a place of a file; line 0 is the file as a whole.
func fault(path string, line int, format string, args ...any) error {
	if line > 0 {
		path = fmt.Sprintf("%s:%d", path, line)
	}
	return fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
}

// unreadable says whether a character cannot stand in a document.
func unreadable(r rune) bool {
	return r == utf8.RuneError || r == '\ufffe' || r == '\uffff' || r < ' ' && r != '\t' && r != '\n' && r != '\r'
}

// Finish makes hosts and resources of what the files said, and looks at the whole.
func (r *Result) Finish() error {
	r.heartbeat.finish(r)
	if err := r.finishCorosync(); err != nil {
		return err
	}
	if r.Document == nil {
		return nil
	}
	if r.Corosync == "" {
		r.step("name the hosts' addresses: 'pcs cluster setup' or 'holdfast init', or write corosync.conf")
	}
	r.foresee()
	r.step("look at what is risky in it: holdfast lint cib.xml")
	r.step("see what a running cluster would do with it: holdfast plan cib.xml")
	return nil
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
