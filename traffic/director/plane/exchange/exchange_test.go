package exchange

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/traffic/director/table"
)

var key = bytes.Repeat([]byte("k"), 64)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// entries are one of each kind.
var entries = []Entry{
	{
		Service: table.Key{Protocol: table.TCP, Address: at("10.77.0.99:80")}, Protocol: table.TCP, State: Established, Left: 15 * time.Minute,
		Client: at("10.1.2.3:40000"), Virtual: at("10.77.0.99:80"), Server: at("10.78.0.14:8080"),
	},
	{
		Service: table.Key{Protocol: table.UDP, Address: at("[fd77::99]:0")}, Protocol: table.UDP, State: Datagrams, Left: time.Second,
		Client: at("[fd01::1]:53"), Virtual: at("[fd77::99]:5300"), Server: at("10.78.0.14:0"),
	},
	{
		Service: table.Key{Mark: 7, IPv6: true}, Protocol: table.TCP, State: Returning, Left: time.Hour,
		Client: at("[fd01::]:0"), Virtual: at("[fd77::99]:443"), Server: at("[fd78::14]:443"),
	},
}

func said(t *testing.T, from string, all ...Entry) []byte {
	t.Helper()
	b := message{id: 3, sender: from}.head()
	for _, e := range all {
		b = e.Append(b)
	}
	return b
}

func sealer(t *testing.T, key []byte, began int64) *Sealer {
	t.Helper()
	s, err := NewSealer(key, began)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPackets: what is sealed is opened as it was, by who has the key, once, and as long as its sender has not begun anew.
func TestPackets(t *testing.T) {
	t.Parallel()
	o, first, second, strange := NewOpener(key), sealer(t, key, 1), sealer(t, key, 2), sealer(t, bytes.Repeat([]byte("x"), 64), 9)
	packet := first.Seal(said(t, "d1", entries...))
	m, err := o.Open(packet)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(message{3, "d1", entries}, m, cmp.AllowUnexported(message{}), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
		t.Error(d)
	}
	older, changed := first.Seal(said(t, "d1")), first.Seal(said(t, "d1"))
	changed[10]++ // the number of the run
	for what, c := range map[string]struct {
		packet []byte
		want   error
	}{
		"twice": {packet, ErrReplay}, "another key": {strange.Seal(said(t, "d1")), ErrSeal}, "changed": {changed, ErrSeal},
		"cut": {packet[:20], ErrForeign}, "another version": {append([]byte("HFX\x02"), packet[4:]...), ErrForeign},
	} {
		if _, err := o.Open(c.packet); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	for _, c := range []struct {
		what string
		b    []byte
		want error
	}{
		{"another host", sealer(t, key, 1).Seal(said(t, "d2")), nil}, {"a new run", second.Seal(said(t, "d1")), nil},
		{"the run before", older, ErrReplay}, {"the new run goes on", second.Seal(said(t, "d1")), nil},
	} {
		if _, err := o.Open(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}

// TestKey: who has none is told where it is looked for; one that others may read is refused.
func TestKey(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name string, b []byte, mode os.FileMode) {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadKey(root); err == nil {
		t.Error("there is no key, but one is read")
	}
	write("etc/corosync/authkey", key, 0o400)
	if got, err := ReadKey(root); err != nil || !bytes.Equal(got, key) {
		t.Errorf("the cluster's key is %q, %v", got, err)
	}
	write("etc/holdfast/director.key", key, 0o644)
	if _, err := ReadKey(root); err == nil {
		t.Error("a key that others may read is taken")
	}
	write("etc/holdfast/director.key", []byte("short"), 0o600)
	if _, err := ReadKey(root); err == nil {
		t.Error("a key of 5 bytes is taken")
	}
}

// FuzzMessage: whatever a packet has in it, it is refused, or it is what its entries make again.
func FuzzMessage(f *testing.F) {
	b := message{id: 3, sender: "d1"}.head()
	f.Add(append([]byte{}, b...))
	for _, e := range entries {
		b = e.Append(b)
		f.Add(append([]byte{}, b...))
	}
	f.Add(b[:len(b)-1])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		again := m.head()
		for _, e := range m.entries {
			again = e.Append(again)
		}
		n, err := parseMessage(again)
		if err != nil || n.sender != m.sender || len(n.entries) != len(m.entries) {
			t.Fatalf("%q is %+v, which is made %q (%v)", b, m, again, err)
		}
		for i := range n.entries {
			if n.entries[i] != m.entries[i] {
				t.Fatalf("%+v is not %+v", n.entries[i], m.entries[i])
			}
		}
	})
}

// FuzzOpen: nothing that is not sealed with the key is believed.
func FuzzOpen(f *testing.F) {
	s, err := NewSealer(key, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Seal([]byte("no message")))
	f.Add([]byte("HFX\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := NewOpener(key).Open(b); err == nil {
			t.Fatalf("%q says %+v", b, m)
		}
	})
}
