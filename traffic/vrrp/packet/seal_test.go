package packet

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// TestSealProvesWhatWasSent: another secret, path, number or byte breaks it, and a packet without one is as it was.
func TestSealProvesWhatWasSent(t *testing.T) {
	t.Parallel()
	plain, err := Advertisement{Version: 3, Router: 7, Priority: 100, Interval: time.Second}.Marshal(overIPv4)
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("correct horse battery staple")
	sealed := Sealed(plain, overIPv4, 42, secret)
	if advertisement, none := Split(plain); none != nil || !bytes.Equal(advertisement, plain) {
		t.Errorf("a packet without a seal is taken as %x with %v", advertisement, none)
	}
	advertisement, seal := Split(sealed)
	if seal == nil || seal.Number != 42 || !bytes.Equal(advertisement, plain) {
		t.Fatalf("split into %x and %v", advertisement, seal)
	}
	if err := seal.Check(advertisement, overIPv4, secret); err != nil {
		t.Error(err)
	}
	if err := seal.Check(advertisement, overIPv4, []byte("another")); !errors.Is(err, ErrSeal) {
		t.Errorf("another secret: %v", err)
	}
	if err := seal.Check(advertisement, overIPv6, secret); !errors.Is(err, ErrSeal) {
		t.Errorf("another path: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if advertisement, seal := Split(changed); seal != nil && seal.Check(advertisement, overIPv4, secret) == nil {
			t.Errorf("byte %d is changed, and the seal is right still", i)
		}
	}
}

// FuzzSplit: any bytes are parted without loss, and no seal is right by accident.
func FuzzSplit(f *testing.F) {
	f.Add(Sealed(make([]byte, headerBytes), overIPv4, 1, []byte("s")))
	f.Add([]byte("HFV\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		advertisement, seal := Split(b)
		if seal == nil && !bytes.Equal(advertisement, b) || seal != nil && len(advertisement)+sealBytes != len(b) {
			t.Errorf("%x becomes %x", b, advertisement)
		}
		if seal != nil && seal.Check(advertisement, overIPv6, []byte("a secret of this test")) == nil {
			t.Errorf("%x has a right seal", b)
		}
	})
}
