package checksum

import (
	"encoding/binary"
	"testing"
)

// The example of RFC 1071, section 3, and an odd number of bytes.
func TestInternet(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		data []byte
		want uint16
	}{
		"RFC 1071":    {[]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0x220d},
		"odd":         {[]byte{0x01, 0x02, 0x03}, 0xfbfd},
		"nothing":     {nil, 0xffff},
		"two carries": {[]byte{0xff, 0xff, 0xff, 0xff, 0x00, 0x01}, 0xfffe},
	} {
		if got := Internet(test.data, 0); got != test.want {
			t.Errorf("%s: got %#x, want %#x", name, got, test.want)
		}
	}
	data := []byte{0x12, 0x34, 0x56, 0x78}
	if sum := Internet(data, 7); Internet(binary.BigEndian.AppendUint16(data, sum), 7) != 0 {
		t.Error("over data with its own checksum it is not 0")
	}
}
