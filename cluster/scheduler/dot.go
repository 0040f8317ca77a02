package scheduler

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strconv"
)

// appendLabel appends what names an action in drawings, in quotes.
func (a *action) appendLabel(text []byte) []byte {
	from := len(text)
	text = append(text, '"')
	text = a.appendPlainLabel(text)
	for _, c := range text[from+1:] {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(text[:from], string(text[from+1:]))
		}
	}
	return append(text, '"')
}

func (a *action) appendPlainLabel(text []byte) []byte {
	switch {
	case a.task == "stonith":
		text = append(append(text, "stonith '"...), a.extra.get("stonith_action")...)
		return append(append(text, "' "...), a.node.name...)
	case a.is(pseudo) && a.node == nil && (a.rsc == nil || !a.rsc.isPrimitive()):
		return append(text, a.displayKey()...)
	}
	name := a.displayKey()
	if kind := a.extra.get("notify_key_type"); kind != "" && name != a.key {
		name = notifyKey(a.rsc.historyID, kind, a.extra.get("notify_key_operation"))
	}
	if a.task == "cancel" {
		text = append(text, "Cancel "...)
	}
	text = append(text, name...)
	switch {
	case a.node != nil:
		return append(append(text, ' '), a.node.name...)
	case a.is(pseudo), a.rsc == nil:
		return text
	}
	return append(text, " <none>"...)
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
	nodes  []uint64 // rank of the label and the look, from the highest bits down
	edges  []uint64 // ranks of first and then, and the style, from the highest bits down
	shown  []bool   // by action id: has a label
	rank   []uint32 // by action id
	labels [][]byte // by rank
}

const edgeDashed = 1 // the lowest bit of an edge; without it, it is bold

// look is how a node is drawn: an index into lines, colours and fonts. Looks have the order
// that the lines written for them have.
type look uint8

const (
	lookBold, lookDashed              look = 0, 1 << 4
	lookBlue, lookGreen, lookRed      look = 0, 1 << 2, 2 << 2
	fontBlack, fontOrange, fontPurple look = 0, 1, 2

	lookBits = 8
)

var (
	lookLines   = [...]string{"bold", "dashed"}
	lookColours = [...]string{"blue", "green", "red"}
	lookFonts   = [...]string{"black", "orange", "purple"}
)

// draw selects nodes and edges, still by their actions' ids instead of ranks.
func (p *Plan) draw(all bool) *drawing {
	d := &drawing{shown: make([]bool, len(p.actions)+1), nodes: make([]uint64, 0, len(p.actions))}
	edges := 0
	for _, a := range p.actions {
		if node, ok := a.drawn(all); ok {
			d.shown[a.id] = true
			d.nodes = append(d.nodes, uint64(a.id)<<lookBits|uint64(node))
		}
		for _, in := range a.inputs {
			if all || in.triggers || in.kind != 0 {
				edges++
			}
		}
	}
	d.edges = make([]uint64, 0, edges)
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
func (a *action) drawn(all bool) (drawn look, ok bool) {
	line, colour, font := lookDashed, lookRed, fontBlack
	if a.is(pseudo) {
		font = fontOrange
	}
	switch {
	case a.is(inGraph):
		colour, line, all = lookGreen, lookBold, true
	case a.rsc != nil && !a.rsc.is(managed):
		font = fontPurple
	case a.is(optional):
		colour = lookBlue
	default:
		all = true
	}
	return line | colour | font, all
}

// usualLabel is about how long a label is, in bytes.
const usualLabel = 40

// rankLabels makes the labels and sorts them; equal ones share a rank.
func (d *drawing) rankLabels(actions []*action) {
	count := 0
	for _, shown := range d.shown {
		if shown {
			count++
		}
	}
	type labelled struct {
		text []byte
		id   int
	}
	list := make([]labelled, 0, count)
	room := make([]byte, 0, count*usualLabel) // of all labels: they are cut out of it
	for _, a := range actions {
		if d.shown[a.id] {
			from := len(room)
			room = a.appendLabel(room)
			list = append(list, labelled{room[from:], a.id})
		}
	}
	slices.SortFunc(list, func(x, y labelled) int { return bytes.Compare(x.text, y.text) })
	d.labels, d.rank = make([][]byte, 0, count), make([]uint32, len(d.shown))
	for _, x := range list {
		if n := len(d.labels); n == 0 || !bytes.Equal(d.labels[n-1], x.text) {
			d.labels = append(d.labels, x.text)
		}
		d.rank[x.id] = uint32(len(d.labels) - 1)
	}
}

// sort replaces ids by ranks and brings nodes and edges into order, each once.
func (d *drawing) sort() {
	for i, node := range d.nodes {
		d.nodes[i] = uint64(d.rank[node>>lookBits])<<lookBits | node&(1<<lookBits-1)
	}
	slices.Sort(d.nodes)
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
			out.Write(label)
			out.WriteString(" -> ")
			out.Write(d.labels[edges[0]&(1<<32-1)>>1])
			if edges[0]&edgeDashed != 0 {
				out.WriteString(" [ style = dashed]\n")
			} else {
				out.WriteString(" [ style = bold]\n")
			}
			edges = edges[1:]
		}
		for len(nodes) > 0 && nodes[0]>>lookBits == uint64(rank) {
			out.Write(label)
			look(nodes[0]).write(out)
			nodes = nodes[1:]
		}
	}
}

func (l look) write(out *bufio.Writer) {
	out.WriteString(" [ style=")
	out.WriteString(lookLines[l>>4&3])
	out.WriteString(" color=\"")
	out.WriteString(lookColours[l>>2&3])
	out.WriteString("\" fontcolor=\"")
	out.WriteString(lookFonts[l&3])
	out.WriteString("\"]\n")
}
