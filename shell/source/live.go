package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/cib"
)

// live is the running cluster.
type live struct{ cluster Cluster }

// requestLimit bounds one exchange with the daemon; attempts bounds how often a change
// is made again because somebody else was faster.
const (
	requestLimit = 30 * time.Second
	attempts     = 8
)

func (l *live) Load() (*cib.Document, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	return l.cluster.Document(ctx)
}

func (l *live) Change(cause cib.Cause, change func(*cib.Document) error) error {
	for range attempts {
		before, err := l.Load()
		if err != nil {
			return err
		}
		after := before.Clone()
		if err := change(after); err != nil {
			return err
		}
		if !cib.Touch(before, after, cib.Cause{}) {
			return nil
		}
		err = l.replace(cause, after, before.Version())
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("change the live document: %w, %d times in a row; try again", ErrConflict, attempts)
}

func (l *live) Apply(request cib.Request, cause cib.Cause) (cib.Result, error) {
	applier, ok := l.cluster.(Applier)
	if !ok {
		var result cib.Result
		err := l.Change(cause, func(doc *cib.Document) (err error) {
			result, err = doc.Apply(request, cause)
			return err
		})
		return result, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	return applier.Apply(ctx, request, cause)
}

func (l *live) Replace(cause cib.Cause, doc *cib.Document) error {
	now, err := l.Load()
	if err != nil {
		return err
	}
	return l.replace(cause, doc, now.Version())
}

func (l *live) replace(cause cib.Cause, doc *cib.Document, base cib.Version) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	return l.cluster.ReplaceDocument(ctx, doc, base, cause)
}

func (l *live) Live() bool     { return true }
func (l *live) String() string { return "the live cluster" }
