package pcs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/simulate"
)

// disable stops resources; with --simulate it only says what would happen, and with
// --safe it refuses when other resources would suffer.
func disable(s *session) error {
	trial, safe := s.opts.has("simulate"), s.opts.has("safe")
	strict := !s.opts.has("no-strict")
	switch {
	case trial && safe:
		return errors.New("--simulate and --safe exclude each other: --simulate changes nothing")
	case (trial || safe) && s.opts.has("f"):
		return errors.New("--simulate and --safe look at what runs, and a file given with -f does not tell; leave out -f")
	case (trial || safe) && s.opts.has("force"):
		return errors.New("--force does nothing for --simulate and --safe; leave it out")
	case trial && s.opts.has("wait"):
		return errors.New("--simulate changes nothing that --wait could wait for; leave one out")
	case !trial && !safe && (s.opts.has("brief") || !strict):
		return errors.New("--brief and --no-strict are for --simulate and --safe only")
	}
	before := s.doc.Clone()
	if err := setTarget(s, "Stopped"); err != nil || !trial && !safe {
		return err
	}
	named := s.coveredBy(s.args)
	harmed := s.harmed(before, named, strict)
	if safe {
		if len(harmed) > 0 {
			return fmt.Errorf("disabling %s would affect other resources too: %s; 'pcs resource disable %s --simulate' shows how",
				quoted(s.args), strings.Join(harmed, ", "), strings.Join(s.args, " "))
		}
		return nil
	}
	changed := s.doc
	s.doc = before // nothing is stored
	if s.opts.has("brief") {
		for _, id := range harmed {
			s.printf("%s\n", id)
		}
		return nil
	}
	if code := simulate.Main([]string{"--simulate", "--xml-pipe"}, bytes.NewReader(changed.Bytes()), s.stdout, s.stderr); code != 0 {
		return exitCode(code)
	}
	return nil
}

// coveredBy are the named resources and all that they consist of.
func (s *session) coveredBy(ids []string) map[string]bool {
	out := map[string]bool{}
	add := func(e *cib.Element) {
		out[e.ID()] = true
		for inner := range e.Descendants() {
			if isResource(inner) {
				out[inner.ID()] = true
			}
		}
	}
	for _, id := range ids {
		e := s.find(id)
		if e == nil {
			continue
		}
		if e.Name != "tag" {
			add(e)
			continue
		}
		for ref := range e.All("obj_ref") {
			if inner := s.find(ref.ID()); inner != nil {
				add(inner)
			}
		}
	}
	return out
}

// harmed lists the resources other than the named ones to which the changed document lets
// something happen that would not happen without the change. Unless strict, only those count
// that are stopped or demoted for good.
func (s *session) harmed(before *cib.Document, named map[string]bool, strict bool) []string {
	already := map[string]bool{}
	for _, m := range scheduler.Make(before, s.now).Moves {
		already[m.Text] = true
	}
	var out []string
	for _, m := range scheduler.Make(s.doc, s.now).Moves {
		id, _, _ := strings.Cut(m.Resource, ":")
		if id == "" || named[id] || already[m.Text] {
			continue
		}
		if strict || m.Verb == "Stop" || m.Verb == "Demote" {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// safeDisable is disable --safe; --simulate and --force undo the safety.
func safeDisable(s *session) error {
	if !s.opts.has("simulate") && !s.force() {
		s.opts["safe"] = ""
	}
	delete(s.opts, "force")
	return disable(s)
}
