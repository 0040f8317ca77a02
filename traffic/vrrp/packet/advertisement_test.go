package packet

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	overIPv4 = Path{netip.MustParseAddr("10.9.0.1"), GroupIPv4}
	overIPv6 = Path{netip.MustParseAddr("fe80::fc21:e1ff:fe52:3869"), GroupIPv6}
)

// recorded are advertisements as keepalived 2.2.7 sent them.
var recorded = []struct {
	name  string
	bytes string
	path  Path
	want  Advertisement
}{
	{
		name:  "version 2 with a password",
		bytes: "213396020101c56f0a0900640a0900657365637265743132",
		path:  overIPv4,
		want: Advertisement{
			Version: 2, Router: 51, Priority: 150, Interval: time.Second, Password: []byte("secret12"),
			Addresses: []netip.Addr{netip.MustParseAddr("10.9.0.100"), netip.MustParseAddr("10.9.0.101")},
		},
	},
	{
		name:  "version 3 over IPv4",
		bytes: "31349601001943a90a090066",
		path:  overIPv4,
		want: Advertisement{
			Version: 3, Router: 52, Priority: 150, Interval: 250 * time.Millisecond,
			Addresses: []netip.Addr{netip.MustParseAddr("10.9.0.102")},
		},
	},
	{
		name:  "version 3 over IPv6",
		bytes: "313596020019f768fe80000000000000000000000000010020010db8000000000000000000000100",
		path:  overIPv6,
		want: Advertisement{
			Version: 3, Router: 53, Priority: 150, Interval: 250 * time.Millisecond,
			Addresses: []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")},
		},
	},
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var compareAddresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestRecordedAdvertisements(t *testing.T) {
	t.Parallel()
	for _, r := range recorded {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			got, err := Unmarshal(unhex(t, r.bytes), r.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.want, got, compareAddresses); diff != "" {
				t.Errorf("read: -want +got\n%s", diff)
			}
			b, err := r.want.Marshal(r.path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.bytes, hex.EncodeToString(b)); diff != "" {
				t.Errorf("written: -want +got\n%s", diff)
			}
		})
	}
}

func TestWrongPacketsAreNamed(t *testing.T) {
	t.Parallel()
	good := recorded[0].bytes
	for name, test := range map[string]struct {
		bytes string
		path  Path
		want  error
	}{
		"nothing":             {"", overIPv4, ErrMalformed},
		"half a header":       {good[:10], overIPv4, ErrMalformed},
		"truncated":           {good[:40], overIPv4, ErrMalformed},
		"too long":            {good + "00", overIPv4, ErrMalformed},
		"a bit turned":        {good[:20] + "ff" + good[22:], overIPv4, ErrChecksum},
		"version 4":           {"4" + good[1:], overIPv4, ErrVersion},
		"version 2 over IPv6": {good, overIPv6, ErrVersion},
		"not advertising":     {"22" + good[2:], overIPv4, ErrMalformed},
		"router 0":            {"2100" + good[4:], overIPv4, ErrMalformed},
		"from another host":   {recorded[1].bytes, Path{netip.MustParseAddr("10.9.0.2"), GroupIPv4}, ErrChecksum},
		"other family":        {recorded[2].bytes, overIPv4, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Unmarshal(unhex(t, test.bytes), test.path); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestCheckComparesVersionAndPassword(t *testing.T) {
	t.Parallel()
	with := recorded[0].want
	without := with
	without.Password = nil
	for name, test := range map[string]struct {
		a        Advertisement
		version  int
		password string
		want     error
	}{
		"same":                 {with, 2, "secret12", nil},
		"longer than the wire": {with, 2, "secret12345", nil},
		"other":                {with, 2, "secret13", ErrPassword},
		"peer has none":        {without, 2, "secret12", ErrPassword},
		"this host has none":   {with, 2, "", ErrPassword},
		"neither":              {without, 2, "", nil},
		"other version":        {with, 3, "", ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var password []byte
			if test.password != "" {
				password = []byte(test.password)
			}
			err := test.a.Check(test.version, password)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func TestMarshalRefusesWhatTheWireCannotSay(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]Advertisement{
		"half a second in version 2": {Version: 2, Router: 1, Interval: 500 * time.Millisecond},
		"an hour in version 3":       {Version: 3, Router: 1, Interval: time.Hour},
		"no interval":                {Version: 3, Router: 1},
		"version 1":                  {Version: 1, Router: 1, Interval: time.Second},
		"other family":               {Version: 3, Router: 1, Interval: time.Second, Addresses: []netip.Addr{netip.IPv6LinkLocalAllNodes()}},
		"too many addresses":         {Version: 3, Router: 1, Interval: time.Second, Addresses: make([]netip.Addr, 256)},
	} {
		if _, err := a.Marshal(overIPv4); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzUnmarshal: any bytes give an error, or a value that is written as the same bytes but for
// reserved ones.
func FuzzUnmarshal(f *testing.F) {
	for _, r := range recorded {
		f.Add(unhex(f, r.bytes), r.path.Source.Is4())
	}
	f.Fuzz(func(t *testing.T, b []byte, ipv4 bool) {
		path := overIPv6
		if ipv4 {
			path = overIPv4
		}
		a, err := Unmarshal(b, path)
		if err != nil {
			return
		}
		written, err := a.Marshal(path)
		if err != nil {
			t.Fatalf("read %+v, but it cannot be written: %v", a, err)
		}
		again, err := Unmarshal(written, path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, again, compareAddresses); diff != "" {
			t.Errorf("-first +again\n%s", diff)
		}
	})
}
