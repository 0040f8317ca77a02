package scheduler

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// label names an action in drawings.
func (a *action) label() string {
	switch {
	case a.task == "stonith":
		return fmt.Sprintf("stonith '%s' %s", a.extra.get("stonith_action"), a.node.name)
	case a.is(pseudo) && a.node == nil && (a.rsc == nil || !a.rsc.isPrimitive()):
		return a.displayKey()
	}
	name := a.displayKey()
	if kind := a.extra.get("notify_key_type"); kind != "" && name != a.key {
		name = notifyKey(a.rsc.historyID, kind, a.extra.get("notify_key_operation"))
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

// WriteDOT draws the graph for Graphviz, its lines sorted. With all, also what was found
// unnecessary.
func (p *Plan) WriteDOT(w io.Writer, all bool) error {
	d := p.draw(all)
	d.rankLabels(p.actions)
	d.sort()
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(" digraph \"g\" {\n")
	d.write(out)
	out.WriteString("}\n")
	return out.Flush()
}

// drawing is what is to be written, in an order that makes sorting it cheap: a label stands
// in a line for each of its action's edges, so labels are compared once and lines by the
// labels' ranks. No label begins another, for each ends with its only unescaped quote.
type drawing struct {
	nodes  []drawnNode
	edges  []uint64 // ranks of first and then, and the style, from the highest bits down
	shown  []bool   // by action id: has a label
	rank   []uint32 // by action id
	labels []string // by rank
}

type drawnNode struct {
	label              uint32 // first the action's id, then the label's rank
	line, colour, font string
}

const edgeDashed = 1 // the lowest bit of an edge; without it, it is bold

// draw selects nodes and edges, still by their actions' ids.
func (p *Plan) draw(all bool) *drawing {
	d := &drawing{shown: make([]bool, len(p.actions)+1), rank: make([]uint32, len(p.actions)+1)}
	inputs := 0
	for _, a := range p.actions {
		if node, ok := a.drawn(all); ok {
			d.shown[a.id] = true
			d.nodes = append(d.nodes, node)
		}
		inputs += len(a.inputs)
	}
	d.edges = make([]uint64, 0, inputs)
	for _, a := range p.actions {
		for _, in := range a.inputs {
			style, show := uint64(edgeDashed), all
			switch {
			case in.triggers:
				style, show = 0, true
			case in.kind == 0:
				continue
			case d.shown[in.first.id] && d.shown[a.id] && in.kind != sameNodeOrTarget:
				show = true
			}
			if show {
				d.edges = append(d.edges, uint64(in.first.id)<<32|uint64(a.id)<<1|style)
			}
		}
	}
	for _, edge := range d.edges {
		d.shown[edge>>32], d.shown[edge&(1<<32-1)>>1] = true, true
	}
	return d
}

// drawn is how an action is drawn, if it is.
func (a *action) drawn(all bool) (node drawnNode, ok bool) {
	colour, font, line := "red", "black", "dashed"
	if a.is(pseudo) {
		font = "orange"
	}
	switch {
	case a.is(inGraph):
		colour, line, all = "green", "bold", true
	case a.rsc != nil && !a.rsc.is(managed):
		font = "purple"
	case a.is(optional):
		colour = "blue"
	default:
		all = true
	}
	return drawnNode{uint32(a.id), line, colour, font}, all
}

// rankLabels makes the labels and sorts them; equal ones share a rank.
func (d *drawing) rankLabels(actions []*action) {
	var text []byte // of all labels: they are cut out of it
	var shown []*action
	var ends []int
	for _, a := range actions {
		if d.shown[a.id] {
			text = appendQuoted(text, a.label())
			shown, ends = append(shown, a), append(ends, len(text))
		}
	}
	whole, begin := string(text), 0
	type labelled struct {
		text string
		id   int
	}
	list := make([]labelled, len(shown))
	for i, a := range shown {
		list[i] = labelled{whole[begin:ends[i]], a.id}
		begin = ends[i]
	}
	slices.SortFunc(list, func(x, y labelled) int { return strings.Compare(x.text, y.text) })
	for _, x := range list {
		if n := len(d.labels); n == 0 || d.labels[n-1] != x.text {
			d.labels = append(d.labels, x.text)
		}
		d.rank[x.id] = uint32(len(d.labels) - 1)
	}
}

// appendQuoted is strconv.AppendQuote, which looks at each rune, for what is mostly plain.
func appendQuoted(text []byte, label string) []byte {
	for i := range len(label) {
		if c := label[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(slices.Grow(text, 2*len(label)), label)
		}
	}
	text = append(text, '"')
	text = append(text, label...)
	return append(text, '"')
}

// sort replaces ids by ranks and brings nodes and edges into order, each once.
func (d *drawing) sort() {
	for i := range d.nodes {
		d.nodes[i].label = d.rank[d.nodes[i].label]
	}
	slices.SortFunc(d.nodes, func(x, y drawnNode) int {
		if x.label != y.label {
			return cmp.Compare(x.label, y.label)
		}
		return cmp.Or(strings.Compare(x.line, y.line), strings.Compare(x.colour, y.colour), strings.Compare(x.font, y.font))
	})
	d.nodes = slices.Compact(d.nodes)
	for i, edge := range d.edges {
		first, then := d.rank[edge>>32], d.rank[edge&(1<<32-1)>>1]
		d.edges[i] = uint64(first)<<32 | uint64(then)<<1 | edge&edgeDashed
	}
	slices.Sort(d.edges)
	d.edges = slices.Compact(d.edges)
}

// write writes, for each label, the edges from it and then the node: " ->" is before " [".
func (d *drawing) write(out *bufio.Writer) {
	nodes, edges := d.nodes, d.edges
	for rank, label := range d.labels {
		for len(edges) > 0 && edges[0]>>32 == uint64(rank) {
			out.WriteString(label)
			out.WriteString(" -> ")
			out.WriteString(d.labels[edges[0]&(1<<32-1)>>1])
			if edges[0]&edgeDashed != 0 {
				out.WriteString(" [ style = dashed]\n")
			} else {
				out.WriteString(" [ style = bold]\n")
			}
			edges = edges[1:]
		}
		for len(nodes) > 0 && nodes[0].label == uint32(rank) {
			out.WriteString(label)
			nodes[0].write(out)
			nodes = nodes[1:]
		}
	}
}

func (n *drawnNode) write(out *bufio.Writer) {
	out.WriteString(" [ style=")
	out.WriteString(n.line)
	out.WriteString(" color=\"")
	out.WriteString(n.colour)
	out.WriteString("\" fontcolor=\"")
	out.WriteString(n.font)
	out.WriteString("\"]\n")
}
