package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "go.etcd.io/raft/v3/raftpb"
)

// ErrFormat is what reading wraps when bytes are not what this version writes.
var ErrFormat = errors.New("not a message of this version")

// writer appends fields: integers as uvarints, bytes and lists with their length before them.
type writer struct{ b []byte }

func (w *writer) uint(v uint64)       { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) host(h HostID)       { w.uint(uint64(h)) }
func (w *writer) ballot(b Ballot)     { w.uint(b.Number); w.host(b.Proposer) }
func (w *writer) ancestor(a Ancestor) { w.ballot(a.Log); w.uint(a.Term); w.uint(a.Index) }
func (w *writer) bytes(b []byte)      { w.uint(uint64(len(b))); w.b = append(w.b, b...) }
func (w *writer) message(m proto.Message) (err error) {
	size := proto.Size(m)
	w.uint(uint64(size))
	w.b, err = proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(slices.Grow(w.b, size), m)
	return err
}
func (w *writer) hosts(h []HostID) { list(w, h, w.host) }
func (w *writer) uints(u []uint64) { list(w, u, w.uint) }
func (w *writer) peer(p Peer)      { w.host(p.ID); w.uint(p.Boot) }
func (w *writer) bool(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func list[T any](w *writer, items []T, item func(T)) {
	w.uint(uint64(len(items)))
	for _, v := range items {
		item(v)
	}
}

// reader takes fields off; after the first error everything reads as zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrFormat, what)
	}
	r.b = nil
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("integer cut off")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) host() HostID {
	v := r.uint()
	if v > 1<<32-1 {
		r.fail("host id above 32 bits")
		return 0
	}
	return HostID(v)
}

func (r *reader) bool() bool {
	v := r.uint()
	if v > 1 {
		r.fail("flag is neither 0 nor 1")
	}
	return v == 1
}

func (r *reader) ballot() Ballot { return Ballot{Number: r.uint(), Proposer: r.host()} }
func (r *reader) ancestor() Ancestor {
	return Ancestor{Log: r.ballot(), Term: r.uint(), Index: r.uint()}
}
func (r *reader) peer() Peer      { return Peer{ID: r.host(), Boot: r.uint()} }
func (r *reader) hosts() []HostID { return readList(r, r.host) }
func (r *reader) uints() []uint64 { return readList(r, r.uint) }

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail("bytes cut off")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	if n == 0 {
		return nil
	}
	return v
}

func readList[T any](r *reader, item func() T) []T {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail("list too long")
		return nil
	}
	var items []T
	for range n {
		items = append(items, item())
	}
	return items
}

// end returns the error of reading, or one if bytes are left over.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("bytes left over")
	}
	return r.err
}

func (r *reader) version() {
	if v := r.uint(); r.err == nil && v != FormatVersion {
		r.fail(fmt.Sprintf("version %d, this daemon reads %d", v, FormatVersion))
	}
}

// Marshal writes the wire form, which the edge seals.
func (h *Heartbeat) Marshal() []byte {
	w := &writer{}
	w.uint(FormatVersion)
	w.host(h.From)
	w.uint(h.Boot)
	w.uint(h.Seq)
	w.bool(h.Leaving)
	w.uint(h.Disk)
	w.bool(h.Trusted)
	list(w, h.Hears, w.peer)
	w.host(h.Leader)
	w.ballot(h.Promised)
	w.ballot(h.Ballot)
	w.ballot(h.Sealed)
	w.ancestor(h.Kept)
	w.hosts(h.Voters)
	w.uint(h.LastTerm)
	w.uint(h.LastIndex)
	w.ballot(h.Held.Promised)
	w.ancestor(h.Held.Log)
	list(w, h.Doubts, w.peer)
	w.uint(h.Epoch)
	w.uint(h.Lent)
	return w.b
}

// UnmarshalHeartbeat reads what Marshal wrote.
func UnmarshalHeartbeat(b []byte) (Heartbeat, error) {
	r := &reader{b: b}
	r.version()
	h := Heartbeat{From: r.host(), Boot: r.uint(), Seq: r.uint(), Leaving: r.bool(), Disk: r.uint(), Trusted: r.bool()}
	h.Hears = readList(r, r.peer)
	h.Leader, h.Promised, h.Ballot, h.Sealed = r.host(), r.ballot(), r.ballot(), r.ballot()
	h.Kept = r.ancestor()
	h.Voters, h.LastTerm, h.LastIndex = r.hosts(), r.uint(), r.uint()
	if r.err == nil && len(r.b) > 0 { // else from a daemon of before there were doubts
		h.Held = Held{Promised: r.ballot(), Log: r.ancestor()}
		h.Doubts = readList(r, r.peer)
	}
	if r.err == nil && len(r.b) > 0 { // else from one of before there were quorum devices
		h.Epoch, h.Lent = r.uint(), r.uint()
	}
	if r.err != nil { // what follows is a newer daemon's
		err := r.err
		return Heartbeat{}, fmt.Errorf("read heartbeat: %w", err)
	}
	return h, nil
}

// Marshal writes the wire form.
func (m *Message) Marshal() ([]byte, error) {
	w := &writer{make([]byte, 0, 128+len(m.Data))}
	w.uint(FormatVersion)
	w.uint(uint64(m.Kind))
	w.host(m.From)
	w.host(m.To)
	w.uint(m.Boot)
	w.ballot(m.Ballot)
	for _, part := range []proto.Message{m.Raft, m.Snapshot} {
		if err := w.message(part); err != nil {
			return nil, fmt.Errorf("write message for host %d: %w", m.To, err)
		}
	}
	w.uint(m.Seq)
	w.uint(m.Oldest)
	w.uint(uint64(m.Reason))
	w.bytes(m.Data)
	w.hosts(m.Hosts)
	w.host(m.Host)
	w.ballot(m.Sealed)
	w.ancestor(m.Kept)
	w.ballot(m.Log)
	w.uint(m.LastTerm)
	w.uint(m.LastIndex)
	list(w, m.Lineage, w.ancestor)
	return w.b, nil
}

// UnmarshalMessage reads what Marshal wrote.
func UnmarshalMessage(b []byte) (Message, error) {
	r := &reader{b: b}
	r.version()
	m := Message{Kind: MessageKind(r.uint()), From: r.host(), To: r.host(), Boot: r.uint(), Ballot: r.ballot()}
	if raft := r.bytes(); len(raft) > 0 {
		m.Raft = &pb.Message{}
		if err := proto.Unmarshal(raft, m.Raft); err != nil {
			r.fail(err.Error())
		}
	}
	if snapshot := r.bytes(); len(snapshot) > 0 {
		m.Snapshot = &pb.Snapshot{}
		if err := proto.Unmarshal(snapshot, m.Snapshot); err != nil {
			r.fail(err.Error())
		}
	}
	m.Seq, m.Oldest, m.Reason = r.uint(), r.uint(), uint8(r.uint())
	m.Data, m.Hosts, m.Host = r.bytes(), r.hosts(), r.host()
	m.Position = Position{Sealed: r.ballot(), Kept: r.ancestor(), Log: r.ballot(), LastTerm: r.uint(), LastIndex: r.uint(), Lineage: readList(r, r.ancestor)}
	if m.Kind == RaftMessage && m.Raft == nil {
		r.fail("raft message without its content")
	}
	if m.Kind == InstallMessage && m.Snapshot == nil {
		r.fail("install message without its snapshot")
	}
	if err := r.end(); err != nil {
		return Message{}, fmt.Errorf("read message: %w", err)
	}
	return m, nil
}
