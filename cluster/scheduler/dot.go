package scheduler

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// label names an action in drawings.
func (a *action) label() string {
	switch {
	case a.task == "stonith":
		return fmt.Sprintf("stonith '%s' %s", a.extra["stonith_action"], a.node.name)
	case a.is(pseudo) && a.node == nil && (a.rsc == nil || !a.rsc.isPrimitive()):
		return a.displayKey()
	}
	name := a.displayKey()
	if kind := a.extra["notify_key_type"]; kind != "" && name != a.key {
		name = notifyKey(a.rsc.historyID, kind, a.extra["notify_key_operation"])
	}
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
	// Labels are made once: an action stands in a line for each of its edges.
	labels := make(map[*action]string, len(p.actions))
	label := func(a *action) string {
		text, ok := labels[a]
		if !ok {
			text = strconv.Quote(a.label())
			labels[a] = text
		}
		return text
	}
	lines, drawn := p.drawActions(label, all)
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
				lines = append(lines, label(in.first)+" -> "+label(a)+" [ style = "+style+"]")
			}
		}
	}
	slices.Sort(lines)
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(" digraph \"g\" {\n")
	for _, line := range slices.Compact(lines) {
		out.WriteString(line)
		out.WriteByte('\n')
	}
	out.WriteString("}\n")
	return out.Flush()
}

// drawActions makes the lines of the nodes, and tells which actions have one.
func (p *Plan) drawActions(label func(*action) string, all bool) (lines []string, drawn map[*action]bool) {
	drawn = make(map[*action]bool, len(p.actions))
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
		lines = append(lines, label(a)+" [ style="+style+" color=\""+colour+"\" fontcolor=\""+font+"\"]")
	}
	return lines, drawn
}
