package pcs

import (
	"bytes"
	"errors"
	"io"
	"os/user"
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
)

// openSource picks where the document lives: -f, CIB_shadow, CIB_file or the running cluster.
func (s *session) openSource(stdin io.Reader) (source.Source, error) {
	environment := source.FromOS()
	environment.File, environment.Stdin = s.opts["f"], stdin
	return source.Open(environment)
}

// errChanged is a configuration that is not the one that the command read any more.
var errChanged = errors.New("somebody else has changed the configuration since this command read it; run the command again")

// tries is how often a command is run on a configuration that others change, too: hosts that join, for one.
const tries = 5

// insist runs the command, and again where somebody else was faster.
func (s *session) insist() error {
	err := s.execute()
	for try := 1; try < tries && errors.Is(err, errChanged); try++ {
		err = s.again()
	}
	return err
}

// again runs the command anew, on the configuration as it is now. What it says it has said before.
func (s *session) again() error {
	var said bytes.Buffer
	fresh := &session{opts: s.opts, stdin: s.stdin, stdout: io.Discard, stderr: &said, now: s.now, words: s.words, cmd: s.cmd, args: slices.Clone(s.args)}
	err := fresh.execute()
	if err != nil && !errors.Is(err, errChanged) {
		_, _ = said.WriteTo(s.stderr)
	}
	return err
}

// store puts the session's document in place of the one it was loaded as.
func (s *session) storeDocument(command string) error {
	cause := cib.Cause{Client: "pcs", Command: command, When: time.Now()}
	if u, err := user.Current(); err == nil {
		cause.User = u.Username
	}
	return s.source.Change(cause, func(doc *cib.Document) error {
		now := doc.Version()
		if now.AdminEpoch != s.version.AdminEpoch || now.Epoch != s.version.Epoch {
			return errChanged
		}
		// A running cluster's status moves on all the time, and is its own to write.
		if now != s.version {
			doc.Configuration().ReplaceWith(s.doc.Configuration().Clone())
			return nil
		}
		doc.Root = s.doc.Root.Clone()
		return nil
	})
}
