package transport

import (
	"bytes"
	"errors"
	"testing"

	"holdfast/cluster/messaging/core"
)

var testKey = bytes.Repeat([]byte("k"), 128)

func mustSealer(t testing.TB, key []byte) *Sealer {
	t.Helper()
	s, err := NewSealer(key, 3, 77)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPacketsOpenOnce(t *testing.T) {
	t.Parallel()
	s, o := mustSealer(t, testKey), NewOpener(testKey, 1)
	var packets [][]byte
	for range 3000 {
		packets = append(packets, s.Seal(1, []byte("hello")))
	}
	for i, at := range []int{0, 2, 1, 1500, 1499, 600, 2999} { // out of order, within the window
		plain, from, boot, err := o.Open(packets[at])
		if err != nil || string(plain) != "hello" || from != 3 || boot != 77 {
			t.Errorf("%d: packet %d: %q %d %d %v", i, at, plain, from, boot, err)
		}
		if _, _, _, err := o.Open(packets[at]); !errors.Is(err, ErrReplay) {
			t.Errorf("packet %d opened twice: %v", at, err)
		}
	}
	if _, _, _, err := o.Open(packets[1000]); !errors.Is(err, ErrReplay) {
		t.Errorf("a packet far behind: %v", err)
	}
}

func TestPacketsThatMustNotOpen(t *testing.T) {
	t.Parallel()
	good := mustSealer(t, testKey).Seal(0, []byte("hello"))
	foreign := mustSealer(t, bytes.Repeat([]byte("x"), 128)).Seal(0, []byte("hello"))
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		if _, _, _, err := NewOpener(testKey, 0).Open(bad); err == nil {
			t.Errorf("byte %d changed and it opened", at)
		}
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"another key", foreign, ErrWrongKey},
		{"cut off", good[:len(good)-1], ErrWrongKey},
		{"short", good[:10], ErrForeign},
		{"empty", nil, ErrForeign},
		{"another program", []byte("GET / HTTP/1.1\r\nHost: 192.0.2.1:5405 and so on and so on\r\n"), ErrForeign},
	} {
		if _, _, _, err := NewOpener(testKey, 0).Open(c.packet); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := NewSealer([]byte("short"), 1, 1); err == nil {
		t.Error("a short key is accepted")
	}
}

func FuzzPacket(f *testing.F) {
	hb := core.Heartbeat{From: 3, Boot: 77, Seq: 1}
	f.Add(mustSealer(f, testKey).Seal(0, hb.Marshal()))
	f.Add([]byte("HF\x01\x00"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if hb, err := openHeartbeat(NewOpener(testKey, 0), packet); err == nil && hb.From == 0 {
			t.Errorf("opened as %+v", hb)
		}
	})
}

func FuzzCall(f *testing.F) {
	f.Add(frameCall("run", []byte("payload")))
	f.Fuzz(func(t *testing.T, b []byte) {
		service, payload, err := unframeCall(b)
		if err != nil {
			return
		}
		s, p, err := unframeCall(frameCall(service, payload))
		if err != nil || s != service || !bytes.Equal(p, payload) {
			t.Errorf("%q %q became %q %q, %v", service, payload, s, p, err)
		}
	})
}
