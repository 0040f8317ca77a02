package pcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/shell/source"
)

// session is one call: its options, its streams, its document.
type session struct {
	opts           options
	stdin          io.Reader
	stdout, stderr io.Writer
	now            time.Time // when the call was made; rules expire against it
	words          []string  // the whole call, the cause that history keeps
	cmd            *command
	args           []string // the words after the command's own
	doc            *cib.Document
	source         source.Source
	version        cib.Version // of the document as it was loaded
	loaded         []byte      // the document's text as it was loaded
	olderRole      bool        // a role has been given by its older name, and that was said
	whole          bool        // the whole configuration is shown, with what has expired
	booked         []string    // ids given to elements that are not in the document yet
	starting       []string    // hosts that the command started, for which --wait waits
	agents         *metadata.Store
}

func (s *session) force() bool { return s.opts.has("force") }

// Run is the pcs program. The answer is its exit status: 0, or 1 when the call was refused.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opts, words, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "Error: %v\n", err)
		return 1
	}
	s := &session{opts: opts, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now(), words: args}
	return s.run(words)
}

func (s *session) run(words []string) int {
	if s.opts.has("version") {
		s.printf("%s\n", version)
		return 0
	}
	cmd, args, ambiguous := lookup(words)
	if s.opts.has("help") || len(words) == 0 {
		writeUsage(s.stdout, words)
		if len(words) == 0 && !s.opts.has("help") {
			return 1
		}
		return 0
	}
	if cmd == nil {
		if len(words) > 1 && words[len(words)-1] == "help" || words[0] == "help" {
			writeUsage(s.stdout, words)
			return 0
		}
		fmt.Fprintf(s.stderr, "Error: %s\n\n", ambiguous)
		writeUsage(s.stderr, words)
		return 1
	}
	if len(args) == 1 && args[0] == "help" {
		writeUsage(s.stdout, words[:len(words)-1])
		return 0
	}
	s.cmd, s.args = cmd, args
	return s.status(s.insist())
}

// status prints what ended the command and turns it into the exit status.
func (s *session) status(err error) int {
	var usage usageError
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		if usage.note != "" {
			fmt.Fprintf(s.stderr, "Error: %s\n", usage.note)
		}
		fmt.Fprintln(s.stderr)
		writeUsage(s.stderr, s.cmd.words())
	case errors.Is(err, errReported):
		fmt.Fprintln(s.stderr, "Error: nothing was changed")
	default:
		fmt.Fprintf(s.stderr, "Error: %v\n", err)
	}
	return 1
}

// exitCode ends a command with a status of its own, without a message.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func (s *session) execute() error {
	s.tellOlderOptions()
	if s.cmd.older != nil {
		s.cmd.older(s)
	}
	if name := s.opts.unsupported(s.cmd.options); name != "" {
		return fmt.Errorf("option %s does nothing for 'pcs %s'; it accepts: %s", name, s.cmd.path, s.cmd.accepted())
	}
	if s.opts.has("wait") && s.opts.has("f") {
		return errors.New("--wait needs a running cluster; it cannot be used with -f")
	}
	if s.cmd.document {
		if err := s.load(); err != nil {
			return err
		}
	}
	err := s.cmd.run(s)
	if s.cmd.document && !errors.As(err, new(usageError)) {
		err = errors.Join(err, s.begin())
	}
	if err != nil {
		return err
	}
	if err := s.save(); err != nil {
		return err
	}
	return s.wait()
}

// wait holds the call until the cluster has settled, when --wait asks for it.
func (s *session) wait() error {
	limit, ok := s.opts["wait"]
	if !ok {
		return nil
	}
	duration := time.Hour
	if limit != "" {
		seconds, err := strconv.Atoi(limit)
		if err != nil || seconds < 0 {
			return fmt.Errorf("--wait=%s: a number of seconds was expected", limit)
		}
		duration = time.Duration(seconds) * time.Second
	}
	if len(s.starting) > 0 {
		return s.awaitOnline(duration)
	}
	if err := client.New("").Wait(context.Background(), duration); err != nil {
		return err
	}
	return s.tellSettled()
}

func (s *session) load() error {
	from, err := s.openSource(s.stdin)
	if err != nil {
		return err
	}
	s.source = from
	if s.doc, err = from.Load(); err != nil {
		return err
	}
	for _, section := range []string{"crm_config", "nodes", "resources", "constraints"} {
		s.doc.EnsureSection(section)
	}
	s.version = s.doc.Version()
	s.loaded = s.doc.Bytes()
	return nil
}

// begin makes the file of -f, with nothing configured in it, where there is none: as pcs does before it looks at what it
// is asked to do, also when it then refuses that.
func (s *session) begin() error {
	path := s.opts["f"]
	if _, err := os.Stat(path); path == "" || path == "-" || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return source.WriteFile(path, cib.New().Bytes())
}

// save stores the document if the command changed it.
func (s *session) save() error {
	if s.doc == nil || s.source == nil || bytes.Equal(s.loaded, s.doc.Bytes()) {
		return nil
	}
	if err := s.checkStructure(); err != nil {
		return err
	}
	return s.storeDocument("pcs " + strings.Join(source.WithoutSecrets(s.words), " "))
}

// checkStructure refuses a change that makes a valid document one that its schema does not allow.
func (s *session) checkStructure() error {
	problems := s.doc.Validate()
	if len(problems) == 0 {
		return nil
	}
	if before, err := cib.Parse(s.doc.File, s.loaded); err == nil && len(before.Validate()) > 0 {
		return nil
	}
	return fmt.Errorf("the configuration would not be valid any more: %s; nothing was changed", problems[0])
}
