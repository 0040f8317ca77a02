package scheduler

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// label names an action in drawings.
func (a *action) label() string {
	switch {
	case a.task == "stonith":
		return fmt.Sprintf("stonith '%s' %s", a.extra["stonith_action"], a.node.name)
	case a.is(pseudo) && (a.rsc == nil || !a.rsc.isPrimitive()):
		return a.displayKey()
	}
	name := a.displayKey()
	if a.task == "cancel" {
		name = "Cancel " + name
	}
	switch {
	case a.node != nil:
		return name + " " + a.node.name
	case a.is(pseudo):
		return name
	case a.rsc == nil:
		return name
	}
	return name + " <none>"
}

// WriteDOT draws the graph for Graphviz. With all, also what was found unnecessary.
func (p *Plan) WriteDOT(w io.Writer, all bool) error {
	_, err := io.WriteString(w, " digraph \"g\" {\n")
	if err != nil {
		return err
	}
	var lines []string
	drawn := map[*action]bool{}
	for _, a := range p.actions {
		colour, font, style := "black", "black", "dashed"
		if a.is(pseudo) {
			font = "orange"
		}
		switch {
		case a.is(inGraph):
			style, colour = "bold", "green"
		case a.rsc != nil && !a.rsc.is(managed):
			if colour, font = "red", "purple"; !all {
				continue
			}
		case a.is(optional):
			if colour = "blue"; !all {
				continue
			}
		default:
			colour = "red"
		}
		drawn[a] = true
		lines = append(lines, fmt.Sprintf("%q [ style=%s color=\"%s\" fontcolor=\"%s\"]", a.label(), style, colour, font))
	}
	for _, a := range p.actions {
		for _, in := range a.inputs {
			style, show := "dashed", all
			switch {
			case slices.Contains(a.triggers, in):
				style, show = "bold", true
			case in.kind == 0:
				continue
			case drawn[in.first] && drawn[a] && in.kind != sameNodeOrTarget:
				show = true
			}
			if show {
				lines = append(lines, fmt.Sprintf("%q -> %q [ style = %s]", in.first.label(), a.label(), style))
			}
		}
	}
	slices.SortFunc(lines, cmp.Compare[string])
	for _, line := range slices.Compact(lines) {
		if _, err = fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, "}\n")
	return err
}
