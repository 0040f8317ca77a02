package packet

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// fromKeepalived is a packet that keepalived 2.2.7 sent with auth_type AH and auth_pass secret12.
const fromKeepalived = "45c0004000010000ff33d0740a420001e0000012" + "700400000a42000100000001e5d0c170772d0208e27dd98e" + "2133c80102010a250a4200630000000000000000"

var authenticated = Path{Source: netip.MustParseAddr("10.66.0.1"), Destination: GroupIPv4}

// TestHeaderOfKeepalived reads a packet of keepalived, and writes the same but for the identification in the IP header.
func TestHeaderOfKeepalived(t *testing.T) {
	t.Parallel()
	b, err := hex.DecodeString(fromKeepalived)
	if err != nil {
		t.Fatal(err)
	}
	said, err := SplitHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckHeader(b, []byte("secret12")); err != nil {
		t.Error(err)
	}
	a, err := Unmarshal(said, authenticated)
	if err != nil || !a.Header || a.Priority != 200 || a.Router != 51 || a.Interval != time.Second {
		t.Fatalf("%+v, %v", a, err)
	}
	ours, err := a.Marshal(authenticated)
	if err != nil || string(ours) != string(said) {
		t.Fatalf("%x, want %x: %v", ours, said, err)
	}
	whole := WithHeader(ours, authenticated, 1, []byte("secret12"))
	if err := CheckHeader(whole, []byte("secret12")); err != nil {
		t.Error(err)
	}
	if got := hex.EncodeToString(whole[ipBytes : ipBytes+12]); !strings.Contains(fromKeepalived, got) {
		t.Errorf("the header is %s", got)
	}
}

// TestHeaderProves: another key, and any change on the way that a router would not make, is found.
func TestHeaderProves(t *testing.T) {
	t.Parallel()
	whole := func() []byte {
		b, err := Advertisement{Version: 2, Router: 1, Priority: 9, Interval: time.Second, Header: true}.Marshal(authenticated)
		if err != nil {
			t.Fatal(err)
		}
		return WithHeader(b, authenticated, 70000, []byte("right"))
	}
	if err := CheckHeader(whole(), []byte("wrong")); !errors.Is(err, ErrPassword) {
		t.Errorf("another key: %v", err)
	}
	for i := range whole() {
		b := whole()
		b[i] ^= 0x10
		err := CheckHeader(b, []byte("right"))
		if routersChange := i == 1 || i == 6 || i == 7 || i == 10 || i == 11; (err == nil) != routersChange {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	b, _ := hex.DecodeString(fromKeepalived)
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) {
		if said, err := SplitHeader(b); err == nil {
			_ = CheckHeader(b, []byte("key"))
			_, _ = Unmarshal(said, authenticated)
		}
	})
}
