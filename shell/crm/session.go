package crm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
)

// session is one run of the shell: the streams, the options, and the levels that are open.
// Only the goroutine that called Main uses it.
type session struct {
	in          *bufio.Reader
	stdin       io.Reader
	stdout      io.Writer
	stderr      io.Writer
	getenv      func(string) string
	connect     func() (source.Cluster, error)
	agents      agents
	options     *options
	levels      []*level // open levels, the root first
	model       *model   // open since a configuration command; nil before
	interactive bool
	terminal    *terminal   // the person to talk to; nil unless interactive
	typed       string      // the command line, when that is one whole command
	shadow      string      // shadow copy in use; "" for none
	span        timeframe   // of the history commands
	past        pastSource  // where the history commands look
	work        *statusWork // of the cibstatus level; nil before
	made        string      // the configuration made from a template that is in use; "" for none
	failed      bool        // some command has failed
	done        bool        // quit was asked for
}

// errReported is an error whose message is out already.
var errReported = errors.New("reported")

// softError is a failure that leaves the exit status alone.
type softError struct{ error }

func (s *session) printf(format string, args ...any) { fmt.Fprintf(s.stdout, format, args...) }

func (s *session) info(format string, args ...any) {
	fmt.Fprintf(s.stdout, "INFO: "+format+"\n", args...)
}

func (s *session) warn(format string, args ...any) {
	fmt.Fprintf(s.stdout, "WARNING: "+format+"\n", args...)
}

func (s *session) error(format string, args ...any) {
	fmt.Fprintf(s.stderr, "ERROR: "+format+"\n", args...)
}

// report tells of a command's failure.
func (s *session) report(err error) {
	var soft softError
	if !errors.As(err, &soft) {
		s.failed = true
	}
	if !errors.Is(err, errReported) {
		s.error("%v", err)
	}
}

func (s *session) level() *level { return s.levels[len(s.levels)-1] }

// source opens the document's home.
func (s *session) source() (source.Source, error) {
	getenv := s.getenv
	if s.shadow != "" {
		getenv = func(name string) string {
			if name == "CIB_shadow" {
				return s.shadow
			}
			return s.getenv(name)
		}
	}
	return source.Open(source.Environment{Getenv: getenv, Stdin: s.stdin, Connect: s.connect})
}

// document loads the document as it is stored.
func (s *session) document() (*cib.Document, error) {
	from, err := s.source()
	if err != nil {
		return nil, err
	}
	return from.Load()
}

// configuration returns the model that configuration commands work on, loading it at first.
func (s *session) configuration() (*model, error) {
	if s.model != nil {
		return s.model, nil
	}
	doc, err := s.document()
	if err != nil {
		return nil, err
	}
	s.model = newModel(doc, s.agents, func(text string) { s.info("%s", text) })
	return s.model, nil
}

func (s *session) cause(command string) cib.Cause {
	if s.typed != "" {
		command = s.typed // a whole command line says more than that it committed
	}
	return cib.Cause{User: user(), Client: "crm", Command: "crm " + command}
}

func user() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return "root"
}

// change edits the stored document in one step.
func (s *session) change(command string, edit func(*cib.Document) error) error {
	to, err := s.source()
	if err != nil {
		return err
	}
	s.model = nil
	return to.Change(s.cause(command), edit)
}

// confirm asks a yes-or-no question. Without a terminal the answer is yes with -F, no with -n,
// and byDefault otherwise; what was answered is shown. A person is asked until the answer is one: an end of input, or Ctrl-C, is no.
func (s *session) confirm(byDefault bool, format string, args ...any) bool {
	question := fmt.Sprintf(format, args...)
	switch {
	case s.options.force:
		s.info("%s [YES]", question)
		return true
	case s.options.no:
		s.info("%s [NO]", question)
		return false
	case !s.interactive:
		return byDefault
	}
	for {
		answer, err := s.terminal.answer(question + " (y/n)? ")
		answer = strings.ToLower(strings.TrimSpace(answer))
		switch {
		case err != nil, strings.HasPrefix(answer, "n"):
			return false
		case strings.HasPrefix(answer, "y"):
			return true
		}
	}
}
