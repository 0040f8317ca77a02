package process

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// streams are the pipes that carry a process's output.
type streams struct {
	ours      []*os.File // the child's ends, closed here once it has them
	collected []*stream
}

// stream collects the last bytes of one pipe. Its goroutine owns tail until done is closed.
type stream struct {
	pipe *os.File
	tail tail
	done chan struct{}
}

func (s *streams) open(limit int) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	one := &stream{pipe: r, tail: tail{limit: limit}, done: make(chan struct{})}
	s.ours = append(s.ours, w)
	s.collected = append(s.collected, one)
	go one.collect()
	return w, nil
}

func (s *streams) started() {
	for _, f := range s.ours {
		f.Close()
	}
	s.ours = nil
}

// finish stops collecting and returns what was written so far.
func (s *streams) finish() (stdout, stderr []byte) {
	var all [2][]byte
	for i, one := range s.collected {
		// A deadline in the past wakes the collector; what is still in the pipe is
		// then taken without waiting.
		_ = one.pipe.SetReadDeadline(time.Unix(1, 0))
		<-one.done
		one.drain()
		all[i] = one.tail.bytes()
	}
	return all[0], all[1]
}

func (s *streams) close() {
	var waits sync.WaitGroup
	for _, one := range s.collected {
		one.pipe.Close()
		waits.Go(func() { <-one.done })
	}
	waits.Wait()
}

func (s *stream) collect() {
	defer close(s.done)
	buffer := make([]byte, 16<<10)
	for {
		n, err := s.pipe.Read(buffer)
		s.tail.write(buffer[:n])
		if err != nil {
			return
		}
	}
}

// drainLimit is more than any pipe holds; it bounds a daemon that never stops writing.
const drainLimit = 2 << 20

func (s *stream) drain() {
	raw, err := s.pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		buffer := make([]byte, 16<<10)
		for taken := 0; taken < drainLimit; {
			n, err := unix.Read(int(fd), buffer)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || n <= 0 {
				return
			}
			s.tail.write(buffer[:n])
			taken += n
		}
	})
}

// tail keeps the last limit bytes written to it.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) write(data []byte) {
	t.kept = append(t.kept, data...)
	if len(t.kept) > 2*t.limit {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-t.limit:]...)
	}
}

func (t *tail) bytes() []byte {
	if len(t.kept) > t.limit {
		return t.kept[len(t.kept)-t.limit:]
	}
	return t.kept
}
