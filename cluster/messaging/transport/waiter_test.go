package transport

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const farAway = 1 << 62 // an instant that no test lives to see

func mustWaiter(t *testing.T) *Waiter {
	t.Helper()
	w, err := NewWaiter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		w.Ring() // does nothing
	})
	return w
}

func mustListen(t *testing.T, w *Waiter, ip string) (*socket, []byte) {
	t.Helper()
	s, err := listenSocket(netip.AddrPortFrom(netip.MustParseAddr(ip), 0))
	if err != nil {
		t.Skipf("no socket at %s here: %v", ip, err)
	}
	t.Cleanup(func() { _ = s.close() })
	if w != nil {
		if err := w.add(s.fd, unix.EPOLLIN); err != nil {
			t.Fatal(err)
		}
	}
	var port int
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		t.Fatal(err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		port = name.Port
	case *unix.SockaddrInet6:
		port = name.Port
	}
	address, err := socketAddress(netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port)))
	if err != nil {
		t.Fatal(err)
	}
	return s, address
}

// A ring that comes at any moment between two looks at the work must not be lost: nothing
// else would wake the loop.
func TestNoRingIsLost(t *testing.T) {
	t.Parallel()
	w := mustWaiter(t)
	work := make(chan int, 4)
	const all = 20000
	go func() {
		for i := range all {
			work <- i
			w.Ring()
		}
	}()
	for got := 0; got < all; {
		w.Doze()
		select {
		case i := <-work:
			if i != got {
				t.Fatalf("got %d, want %d", i, got)
			}
			got++
			continue
		default:
		}
		if err := w.Wait(farAway); err != nil {
			t.Fatal(err)
		}
	}
}

// Packets wake the loop however they fall between its looks at the socket, on both
// families, and say where they come from.
func TestPacketsEndTheSleep(t *testing.T) {
	t.Parallel()
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			t.Parallel()
			w := mustWaiter(t)
			in, to := mustListen(t, w, ip)
			out, from := mustListen(t, nil, ip)
			const all = 5000
			taken := make(chan bool, 64) // few enough on the way that the socket holds them
			go func() {
				for i := range all {
					out.send([]byte{byte(i)}, to)
					taken <- true
				}
			}()
			var b [8]byte
			for got := 0; got < all; {
				n, err := in.receive(b[:])
				if errors.Is(err, unix.EAGAIN) {
					w.Doze()
					if err := w.Wait(farAway); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if err != nil || n != 1 || b[0] != byte(got) {
					t.Fatalf("packet %d: %d bytes, %d, %v", got, n, b[0], err)
				}
				if address, err := socketAddress(in.sender()); err != nil || string(address) != string(from) {
					t.Fatalf("from %v (%v), want %v", address, err, from)
				}
				got++
				<-taken
			}
		})
	}
}

func TestAnInstantEndsTheSleep(t *testing.T) {
	t.Parallel()
	w := mustWaiter(t)
	for _, in := range []time.Duration{-time.Hour, 0, time.Millisecond, 20 * time.Millisecond, time.Millisecond} {
		now, err := SinceBoot()
		if err != nil {
			t.Fatal(err)
		}
		w.Doze()
		if err := w.Wait(now + in); err != nil {
			t.Fatal(err)
		}
		woke, err := SinceBoot()
		if err != nil {
			t.Fatal(err)
		}
		if woke < now+in {
			t.Errorf("woke %s early", now+in-woke)
		}
	}
}
