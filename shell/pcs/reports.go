package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errReported ends a command whose errors have been printed.
var errReported = errors.New("the command was refused")

// usageError ends a command whose words do not fit: its syntax is shown.
type usageError struct{ note string }

func (e usageError) Error() string { return e.note }

var errUsage = usageError{}

// reports collects what is wrong with a call, so that the user sees all of it at once.
type reports struct {
	s      *session
	failed bool
}

func (s *session) reports() *reports { return &reports{s: s} }

// fail records an error that nothing overrides.
func (r *reports) fail(format string, args ...any) {
	r.failed = true
	fmt.Fprintf(r.s.stderr, "Error: "+format+"\n", args...)
}

// check records an error that --force turns into a warning.
func (r *reports) check(format string, args ...any) {
	if r.s.force() {
		r.s.warn(format, args...)
		return
	}
	r.fail(format+", use --force to override", args...)
}

// either is check when canForce and fail otherwise.
func (r *reports) either(canForce bool, format string, args ...any) {
	if canForce {
		r.check(format, args...)
		return
	}
	r.fail(format, args...)
}

// add records an ordinary error; nil is none.
func (r *reports) add(err error) {
	if err == nil {
		return
	}
	if !errors.Is(err, errReported) {
		r.fail("%v", err)
	}
	r.failed = true
}

// err is nil while nothing failed.
func (r *reports) err() error {
	if r.failed {
		return errReported
	}
	return nil
}

func (s *session) warn(format string, args ...any) {
	fmt.Fprintf(s.stderr, "Warning: "+format+"\n", args...)
}

func (s *session) deprecated(format string, args ...any) {
	fmt.Fprintf(s.stderr, "Deprecation Warning: "+format+"\n", args...)
}

func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.stderr, format+"\n", args...)
}

func (s *session) printf(format string, args ...any) {
	fmt.Fprintf(s.stdout, format, args...)
}

// forceable is one error that --force turns into a warning.
func (s *session) forceable(format string, args ...any) error {
	r := s.reports()
	r.check(format, args...)
	return r.err()
}

// quoted lists words sorted, each in quotes.
func quoted(words []string) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(words)))
	return "'" + strings.Join(sorted, "', '") + "'"
}

// plural is one when n is 1 and many otherwise.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
