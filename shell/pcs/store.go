package pcs

import (
	"errors"
	"io"
	"os/user"
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

// store puts the session's document in place of the one it was loaded as.
func (s *session) storeDocument(command string) error {
	cause := cib.Cause{Client: "pcs", Command: command, When: time.Now()}
	if u, err := user.Current(); err == nil {
		cause.User = u.Username
	}
	return s.source.Change(cause, func(doc *cib.Document) error {
		now := doc.Version()
		if now.AdminEpoch != s.version.AdminEpoch || now.Epoch != s.version.Epoch {
			return errors.New("somebody else has changed the configuration since this command read it; run the command again")
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
