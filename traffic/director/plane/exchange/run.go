package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"holdfast/traffic/director/plane"
)

const (
	newsEvery  = 20 * time.Millisecond // is how often the master asks its plane what is new,
	helloEvery = time.Second           // and sends a packet even if nothing is
)

// Run does what a role wants until it is told to end. It says on out that it works.
func (d Daemons) Run(ctx context.Context, s plane.Sync, source Source, out io.Writer) error {
	key, err := ReadKey(d.Root)
	if err != nil {
		return err
	}
	held, err := d.hold(s)
	if err != nil {
		return err
	}
	defer held.Close()
	l, err := openLink(ctx, s)
	if err != nil {
		return err
	}
	defer l.Close()
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	name = name[:min(len(name), 64)]
	log := slog.Default().With("interface", s.Interface, "role", s.Role.String())
	fmt.Fprintln(out, ready)
	if s.Role == plane.Backup {
		return receive(ctx, l, &receiver{Opener: NewOpener(key), id: s.ID, own: name, source: source, log: log})
	}
	sealer, err := NewSealer(key, time.Now().UnixNano())
	if err != nil {
		return err
	}
	return (&sender{Sealer: sealer, link: l, head: message{id: s.ID, sender: name}.head(), longest: cmp.Or(s.Longest, usualLongest), log: log}).run(ctx, source)
}

// sender is the master's side.
type sender struct {
	*Sealer
	link
	head, content []byte
	longest       int // bytes of a packet
	log           *slog.Logger
	failed        bool // the last packet was not sent
}

func (s *sender) run(ctx context.Context, source Source) error {
	beat := time.NewTicker(newsEvery)
	defer beat.Stop()
	last, told := time.Now(), false
	var hello time.Time
	for {
		select {
		case now := <-beat.C:
			if now.Sub(hello) >= helloEvery {
				s.content, hello = append(s.content[:0], s.head...), now
			}
			err := source.News(now.Sub(last), s.add)
			if err != nil && !told {
				s.log.Error("what is new is not told", "error", err)
			}
			last, told = now, err != nil
			s.flush()
		case <-ctx.Done():
			return nil
		}
	}
}

// add puts an entry into the packet, and sends the packet when no other would fit.
func (s *sender) add(e Entry) {
	if len(s.content) == 0 {
		s.content = append(s.content, s.head...)
	}
	s.content = e.Append(s.content)
	if headerBytes+tagBytes+len(s.content)+longestEntry > s.longest {
		s.flush()
	}
}

func (s *sender) flush() {
	if len(s.content) == 0 {
		return
	}
	_, err := s.WriteTo(s.Seal(s.content), s.to)
	s.content = s.content[:0]
	if err != nil && !s.failed {
		s.log.Warn("connections are not told", "error", err)
	}
	s.failed = err != nil
}

// receiver is the backup's side.
type receiver struct {
	*Opener
	id     uint8
	own    string // this host's name: what it has sent itself is not for it
	source Source
	log    *slog.Logger
	why    string // the last packet was refused
}

// receive takes packets until it is told to end.
func receive(ctx context.Context, l net.PacketConn, r *receiver) error {
	stop := context.AfterFunc(ctx, func() { l.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	packet := make([]byte, 1<<16)
	for {
		n, from, err := l.ReadFrom(packet)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // of the interface: it may be up again
			r.refused("a packet was not received", err, nil)
			continue
		}
		if err := r.take(packet[:n]); err != nil {
			r.refused("a packet was refused", err, from)
		} else {
			r.why = ""
		}
	}
}

// refused is logged once, not for each of a thousand packets.
func (r *receiver) refused(what string, err error, from net.Addr) {
	if err.Error() != r.why {
		r.log.Warn(what, "from", from, "error", err)
	}
	r.why = err.Error()
}

func (r *receiver) take(packet []byte) error {
	m, err := r.Open(packet)
	if err != nil || m.sender == r.own || r.id != 0 && m.id != r.id {
		return err
	}
	return r.source.Learn(m.entries)
}
