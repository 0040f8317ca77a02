package core

import "fmt"

// entryKind says what a log entry is.
type entryKind uint64

const (
	changeEntry   entryKind = 1 // a proposal for the machine
	viewEntry     entryKind = 2 // a view, and by it perhaps a seal
	fencedEntry   entryKind = 3 // a host's boot is confirmed dead
	barrierEntry  entryKind = 4 // nothing: proves that the proposer is up to date
	expectedEntry entryKind = 5 // expected votes, set at run time or by last_man_standing
)

// entry is one entry of the log. Raft's own (empty and conf changes) are not of this form.
type entry struct {
	Kind   entryKind
	Host   HostID // proposer; or the one fenced
	Boot   uint64 // its boot
	Seq    uint64
	Oldest uint64 // the proposer waits for nothing below
	Data   []byte
	View   View
	Disks  []Peer // of a view's members
	Votes  int
}

func (e *entry) marshal() []byte {
	w := &writer{b: make([]byte, 0, len(e.Data)+48)}
	w.uint(FormatVersion)
	w.uint(uint64(e.Kind))
	w.host(e.Host)
	w.uint(e.Boot)
	w.uint(e.Seq)
	w.uint(e.Oldest)
	w.bytes(e.Data)
	switch e.Kind {
	case viewEntry:
		writeView(w, &e.View)
		list(w, e.Disks, w.peer)
	case expectedEntry:
		w.uint(uint64(e.Votes))
	}
	return w.b
}

func unmarshalEntry(b []byte) (entry, error) {
	r := &reader{b: b}
	r.version()
	e := entry{Kind: entryKind(r.uint()), Host: r.host(), Boot: r.uint(), Seq: r.uint(), Oldest: r.uint(), Data: r.bytes()}
	switch e.Kind {
	case viewEntry:
		e.View = readView(r)
		e.Disks = readList(r, r.peer)
	case expectedEntry:
		e.Votes = int(r.uint())
	case changeEntry, fencedEntry, barrierEntry:
	default:
		r.fail(fmt.Sprintf("entry of kind %d", e.Kind))
	}
	if err := r.end(); err != nil {
		return entry{}, fmt.Errorf("read log entry: %w", err)
	}
	return e, nil
}

func writeView(w *writer, v *View) {
	w.uint(v.Number)
	w.hosts(v.Members)
	w.uints(v.Boots)
	w.hosts(v.Lost)
	w.hosts(v.Left)
	w.uint(quorateForm(v))
	w.bool(v.Strong)
	w.host(v.Leader)
	w.ballot(v.Ballot)
}

// quorateForm is 0 without quorum, 1 with it, 2 when its lack is ignored, and 3 when others could
// have it as well.
func quorateForm(v *View) uint64 {
	switch {
	case v.Ignored:
		return 2
	case v.Contested:
		return 3
	case v.Quorate:
		return 1
	}
	return 0
}

func readView(r *reader) View {
	v := View{Number: r.uint(), Members: r.hosts(), Boots: r.uints(), Lost: r.hosts(), Left: r.hosts()}
	quorate := r.uint()
	if quorate > 3 {
		r.fail("view that is neither quorate nor not")
	}
	v.Quorate, v.Ignored, v.Contested = quorate > 0, quorate == 2, quorate > 1
	v.Strong, v.Leader, v.Ballot = r.bool(), r.host(), r.ballot()
	if len(v.Boots) != len(v.Members) {
		r.fail("view whose boots do not match its members")
	}
	return v
}
