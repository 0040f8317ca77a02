package crm

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// traceDirectory is where agents write their traces unless a directory is given.
const traceDirectory = "/var/lib/heartbeat/trace_ra"

// traceRequest is what the words of trace and untrace mean.
type traceRequest struct {
	resource, operation, interval, directory string
	probe                                    bool
}

func parseTrace(words []word) (traceRequest, error) {
	texts := textsOf(words)
	if len(texts) == 0 || len(texts) > 4 {
		return traceRequest{}, usageError("expected a resource")
	}
	r := traceRequest{resource: texts[0]}
	for _, text := range texts[1:] {
		switch {
		case text != "" && text[0] == '/':
			r.directory = text
		case r.operation == "":
			r.operation = text
		case r.interval == "" && isDigit(text[0]):
			r.interval = text
		default:
			return r, usageError(fmt.Sprintf("%q is no interval and no directory", text))
		}
	}
	if r.operation == "probe" {
		r.operation, r.interval, r.probe = "monitor", "0", true
	}
	return r, nil
}

func traceResource(s *session, words []word) error {
	r, err := parseTrace(words)
	if err != nil {
		return err
	}
	agent := ""
	err = s.change("resource trace", func(doc *cib.Document) error {
		e, err := resourceIn(doc, r.resource)
		if err != nil {
			return err
		}
		if e.Name != "primitive" {
			return fmt.Errorf("trace: %s is a %s; name a primitive", r.resource, e.Name)
		}
		agent = e.Get("type")
		if r.operation == "monitor" && !r.probe && len(tracedOperations(e, r)) == 0 {
			return fmt.Errorf("trace: %s has no such monitor; 'show %s' lists its operations", r.resource, r.resource)
		}
		setTrace(e, r, newIdentifiers(doc.Configuration()))
		return nil
	})
	if err != nil {
		return err
	}
	directory := r.directory
	if directory == "" {
		directory = traceDirectory
	}
	about := r.resource
	if r.operation != "" {
		about += ":" + r.operation
	}
	s.info("Trace for %s is written to %s/%s", about, directory, agent)
	switch {
	case r.operation == "" || r.operation == "monitor":
		s.info("Trace set, restart %s to trace non-monitor operations", r.resource)
	default:
		s.info("Trace set, restart %s to trace the %s operation", r.resource, r.operation)
	}
	return nil
}

// setTrace gives operations of a primitive the parameter that agents trace by: those of that
// name, or start, stop and monitors when none is named.
func setTrace(e *cib.Element, r traceRequest, ids *identifiers) {
	if r.operation == "" { // all that it does; what is made for that comes first
		ops := e.Ensure("operations")
		before := slices.Collect(ops.All("op"))
		defer func() {
			for _, op := range before {
				op.Remove()
				ops.Append(op)
			}
		}()
		for _, name := range []string{"start", "stop"} {
			setTrace(e, traceRequest{operation: name, directory: r.directory}, ids)
		}
		if len(tracedOperations(e, traceRequest{operation: "monitor"})) > 0 {
			setTrace(e, traceRequest{operation: "monitor", directory: r.directory}, ids)
		}
		return
	}
	targets := tracedOperations(e, r)
	if len(targets) == 0 {
		interval := r.interval
		if interval == "" {
			interval = "0"
		}
		op := e.Ensure("operations").Append(cib.NewElement("op", "name", r.operation, "interval", interval))
		op.Set("id", ids.fresh(e.ID()+"-"+asID(r.operation)+"-"+asID(interval)))
		targets = []*cib.Element{op}
	}
	for _, target := range targets {
		list := target.Child("instance_attributes")
		if list == nil {
			list = target.Append(cib.NewElement("instance_attributes", "id", ids.fresh(target.ID()+"-instance_attributes")))
		}
		setPair(list, "trace_ra", "1", ids)
		if r.directory != "" {
			setPair(list, "trace_dir", r.directory, ids)
		}
	}
}

func setPair(list *cib.Element, name, value string, ids *identifiers) {
	pair := list.Pair(name)
	if pair == nil {
		pair = list.Append(cib.NewElement("nvpair", "name", name))
	}
	pair.Set("value", value)
	if pair.ID() == "" {
		pair.Set("id", ids.fresh(list.ID()+"-"+asID(name)))
	}
}

func tracedOperations(e *cib.Element, r traceRequest) []*cib.Element {
	var ops []*cib.Element
	for list := range e.All("operations") {
		for op := range list.All("op") {
			if op.Get("name") == r.operation && (r.interval == "" || spanOf(op.Get("interval")) == spanOf(r.interval)) {
				ops = append(ops, op)
			}
		}
	}
	return ops
}

func untraceResource(s *session, words []word) error {
	if len(words) > 3 {
		return usageError("expected a resource, an operation and an interval")
	}
	r, err := parseTrace(words)
	if err != nil {
		return err
	}
	err = s.change("resource untrace", func(doc *cib.Document) error {
		e, err := resourceIn(doc, r.resource)
		if err != nil {
			return err
		}
		if e.Name != "primitive" {
			return fmt.Errorf("untrace: %s is a %s, not a primitive", r.resource, kindName(e))
		}
		targets := []*cib.Element{e} // older versions traced by a parameter of the resource
		if r.operation != "" {
			if targets = tracedOperations(e, r); len(targets) == 0 {
				return fmt.Errorf("untrace: %s has no operation %s", r.resource, strings.TrimSpace(r.operation+" "+r.interval))
			}
		} else {
			for ops := range e.All("operations") {
				targets = append(targets, slices.Collect(ops.All("op"))...)
			}
		}
		for _, target := range targets {
			clearTrace(target)
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case r.operation != "":
		s.info("Stop tracing %s for operation %s", r.resource, r.operation)
	default:
		s.info("Stop tracing %s", r.resource)
	}
	return nil
}

// clearTrace takes the trace parameters from e, and e away if it is an operation that has
// nothing else to say.
func clearTrace(e *cib.Element) {
	found := false
	for _, list := range slices.Collect(e.All("instance_attributes")) {
		for _, name := range []string{"trace_ra", "trace_dir", "trace_file"} {
			if pair := list.Pair(name); pair != nil {
				pair.Remove()
				found = true
			}
		}
		if found && len(list.Children) == 0 {
			list.Remove()
		}
	}
	if found && e.Name == "op" && len(e.Children) == 0 && len(e.Attrs) == 3 && spanOf(e.Get("interval")) == 0 {
		ops := e.Parent
		e.Remove()
		if len(ops.Children) == 0 && ops.ID() == "" {
			ops.Remove()
		}
	}
}
