package adopt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/crm"
	"holdfast/shell/pcs"
	"holdfast/shell/source"
)

// document is what scripts work on: what has been read so far.
func (r *Result) document() *cib.Document {
	if r.Document == nil {
		r.Document = emptyDocument()
	}
	return r.Document
}

// doubt tells what is not valid in what a file has made.
func (r *Result) doubt(path string) {
	for _, p := range r.Document.Validate() {
		r.lose("%s: in what it makes, %s: %s", path, p.Element, p.Text)
	}
}

// emptyDocument is newer than what a cluster begins with, which therefore takes what comes into it.
func emptyDocument() *cib.Document {
	doc := cib.New()
	doc.SetVersion(cib.Version{Epoch: 1})
	return doc
}

// readCRM adds a configuration in crm's form to the document read so far.
func (r *Result) readCRM(path, text string) {
	doc, errs := crm.Merge(r.document(), path, text)
	r.Document = doc
	for _, err := range errs {
		r.lose("%v", err)
	}
	r.doubt(path)
	r.understand("%s: a configuration for crm; the document has %s", path, count(doc))
}

// script is a shell's script while its commands are carried out on a file.
type script struct {
	r     *Result
	path  string
	work  string            // the document
	conf  string            // corosync.conf that pcs cluster setup made
	addrs map[string]string // addresses that host auth told
	done  int
}

// readScript carries out what a shell's script says to pcs and crm, on the document read so far.
func (r *Result) readScript(path, text string, options Options) error {
	statements, err := readShell(text)
	if err != nil {
		return fmt.Errorf("%s:%w", path, err)
	}
	s := &script{r: r, path: path, work: filepath.Join(options.Work, "cib.xml"), conf: filepath.Join(options.Work, "corosync.conf"), addrs: map[string]string{}}
	if err := os.WriteFile(s.work, r.document().Bytes(), 0o600); err != nil {
		return fmt.Errorf("make a document to work on: %w", err)
	}
	for _, c := range statements {
		s.carryOut(c)
	}
	made, err := os.ReadFile(s.work)
	if err != nil {
		return fmt.Errorf("read what the script made: %w", err)
	}
	if r.Document, err = cib.Parse(path, made); err != nil {
		return err
	}
	r.doubt(path)
	r.understand("%s: a script, %d commands carried out; the document has %s", path, s.done, count(r.Document))
	return nil
}

// Commands of a script that have no part in a cluster's configuration.
var idle = []string{"echo", "printf", "cat", "set", "sleep", "exit", "true", "false", ":", "[", "[[", "test", "cd", "shift", "return", "trap", "wait", "logger", "date", "unset", "break", "continue", "shopt"}

// prefixes stand before a command and change nothing of what it does.
var prefixes = []string{"sudo", "!", "time", "nohup", "exec", "command"}

// carryOut does one command.
func (s *script) carryOut(c statement) {
	for len(c.words) > 1 && slices.Contains(prefixes, c.words[0]) {
		c.words = c.words[1:]
	}
	name := filepath.Base(c.words[0])
	switch {
	case slices.Contains(idle, name):
	case c.unknown != "":
		s.lose(c, c.unknown)
	case name == "pcs":
		s.pcs(c)
	case name == "crm":
		s.crm(c)
	case strings.HasPrefix(name, "crm_") || name == "cibadmin" || name == "stonith_admin" || name == "attrd_updater" || name == "corosync-keygen" || name == "systemctl" || name == "service":
		s.step("on the hosts, if still wanted", c)
	default:
		s.lose(c, "not a command of the cluster; do it by hand if it is still needed")
	}
}

func (s *script) lose(c statement, why string) {
	s.r.lose("%s:%d: %s: %s", s.path, c.line, withoutSecrets(c.text), why)
}

func (s *script) step(when string, c statement) {
	words := slices.Clone(c.words)
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\"'") {
			words[i] = "'" + w + "'"
		}
	}
	s.r.step("%s: %s", when, withoutSecrets(strings.Join(words, " ")))
}

// withoutSecrets hides what follows -p and passwords among parameters.
func withoutSecrets(text string) string {
	words := source.WithoutSecrets(strings.Split(text, " "))
	for i, w := range words {
		if i > 0 && words[i-1] == "-p" {
			words[i] = "******"
		} else if strings.HasPrefix(w, "-p") && len(w) > 2 && w[1] != '-' {
			words[i] = "-p******"
		}
	}
	return strings.Join(words, " ")
}

// crm carries out a crm command: what it reads, or its words.
func (s *script) crm(c statement) {
	words := c.words[1:]
	for len(words) > 0 && slices.Contains([]string{"-w", "--wait", "-F", "--force"}, words[0]) {
		words = words[1:]
	}
	level := ""
	if len(words) > 0 {
		level = words[0]
	}
	if level == "status" {
		return
	}
	if level != "" && !strings.HasPrefix("configure", level) && level != "resource" {
		s.step("on the hosts, if still wanted", c)
		return
	}
	if slices.Contains([]string{"show", "verify", "status"}, second(words)) {
		return
	}
	var said bytes.Buffer
	// The document grows command by command, and is not whole before the last one: crm would not have it without -F.
	if status := crm.OnFile(s.work, append([]string{"-F"}, words...), strings.NewReader(c.input), &said, &said); status != 0 {
		s.lose(c, complaint(said.String()))
		return
	}
	s.done++
}

func second(words []string) string {
	if len(words) < 2 {
		return ""
	}
	return words[1]
}

// What pcs commands are to an import.
var (
	looking = []string{"status", "config", "show", "list", "describe"}                                            // they change nothing
	hosted  = []string{"host", "cluster", "pcsd", "client", "booth", "node"}                                      // they are about hosts
	running = []string{"move", "refresh", "cleanup", "relocate", "clear", "failcount", "confirm", "fence", "ban"} // they are about what runs
)

// pcs carries out a pcs command.
func (s *script) pcs(c statement) {
	var words []string
	for i := 1; i < len(c.words); i++ {
		switch w := c.words[i]; {
		case w == "-f": // the script works on a file and pushes it
			i++
		case w == "--wait" || strings.HasPrefix(w, "--wait="):
		default:
			words = append(words, w)
		}
	}
	next := second(words)
	switch {
	case len(words) < 2 || slices.Contains(looking, words[0]) || slices.Contains(looking, next):
	case words[0] == "cluster" && (next == "cib" || next == "cib-push" || next == "verify"):
	case words[0] == "cluster" && next == "setup":
		s.setup(c, words)
	case words[0] == "quorum":
		s.quorum(c, words)
	case slices.Contains(hosted, words[0]):
		s.noteAddresses(words)
		s.step("on the hosts", c)
	case slices.Contains(running, next) && (words[0] == "resource" || words[0] == "stonith"):
		s.step("on the running cluster, if still wanted", c)
	default:
		s.pcsOnFile(c, words)
	}
}

// pcsOnFile changes the document. What pcs refuses for what this host is like, as an agent that is not installed here, is
// taken with --force, and told.
func (s *script) pcsOnFile(c statement, words []string) {
	run := func(words ...string) (string, bool) {
		var said bytes.Buffer
		status := pcs.Run(append([]string{"-f", s.work}, words...), strings.NewReader(c.input), &said, &said)
		return complaint(said.String()), status == 0
	}
	why, ok := run(words...)
	if !ok && strings.HasSuffix(why, "use --force to override") {
		if _, ok = run(append(slices.Clone(words), "--force")...); ok {
			s.r.understand("%s:%d: taken as written, although %s", s.path, c.line, strings.TrimSuffix(why, ", use --force to override"))
		}
	}
	if !ok {
		s.lose(c, why)
		return
	}
	s.done++
}

// noteAddresses keeps what "host auth HOST addr=ADDRESS" tells.
func (s *script) noteAddresses(words []string) {
	if words[0] != "host" {
		return
	}
	for i, w := range words {
		if addr, ok := strings.CutPrefix(w, "addr="); ok && i > 0 {
			s.addrs[words[i-1]] = addr
		}
	}
}

// setup makes corosync.conf of `pcs cluster setup`, in its old and new form.
func (s *script) setup(c statement, words []string) {
	s.step("on the hosts", c)
	if s.r.corosyncText != "" {
		s.lose(c, "an earlier file names the hosts already")
		return
	}
	var kept []string
	for i, w := range words {
		if w == "--start" || w == "--enable" || w == "--local" || w == "--no-keys-sync" {
			continue
		}
		kept = append(kept, w)
		if addr := s.addrs[w]; addr != "" && (i+1 == len(words) || !strings.HasPrefix(words[i+1], "addr=")) {
			kept = append(kept, "addr="+addr)
		}
	}
	if err := os.Remove(s.conf); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.lose(c, err.Error())
		return
	}
	var said bytes.Buffer
	if status := pcs.Run(append(kept, "--corosync_conf", s.conf, "--force"), nil, &said, &said); status != 0 {
		s.lose(c, complaint(said.String()))
		return
	}
	s.collectCorosync(c)
}

// quorum changes the quorum section of the corosync.conf that the script has made.
func (s *script) quorum(c statement, words []string) {
	if _, err := os.Stat(s.conf); err != nil || second(words) != "update" && second(words) != "device" {
		s.step("on the hosts", c)
		return
	}
	var said bytes.Buffer
	if status := pcs.Run(append(slices.Clone(words), "--corosync_conf", s.conf, "--force"), nil, &said, &said); status != 0 {
		s.lose(c, complaint(said.String()))
		return
	}
	s.collectCorosync(c)
}

func (s *script) collectCorosync(c statement) {
	text, err := os.ReadFile(s.conf)
	if err != nil {
		s.lose(c, err.Error())
		return
	}
	s.done++
	s.r.corosyncText = string(text)
	s.r.corosyncFrom, s.r.corosyncMade = fmt.Sprintf("%s:%d", s.path, c.line), true
}

// complaint is what a command said of why it refused: its first error, else its first line.
func complaint(text string) string {
	first := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"Error: ", "ERROR: "} {
			if why, ok := strings.CutPrefix(line, mark); ok {
				return why
			}
		}
		if first == "" {
			first = line
		}
	}
	return cmp.Or(first, "it was refused")
}
