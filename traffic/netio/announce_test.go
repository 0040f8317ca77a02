package netio

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"holdfast/traffic/netio/checksum"
)

var mac = net.HardwareAddr{2, 0, 0, 0, 0, 7}

func TestARPAnnouncement(t *testing.T) {
	t.Parallel()
	const want = "ffffffffffff" + "020000000007" + "0806" + "0001" + "0800" + "06" + "04" + "0001" +
		"020000000007" + "0a4d0063" + "ffffffffffff" + "0a4d0063"
	if got := hex.EncodeToString(arpAnnouncement(mac, netip.MustParseAddr("10.77.0.99"), 1)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnnouncementIsOfTheAddressesFamily(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]uint16{"192.0.2.1": etherARP, "2001:db8::7": etherIPv6} {
		frames, protocol := announcement(mac, netip.MustParseAddr(address))
		if protocol != want || len(frames) == 0 || binary.BigEndian.Uint16(frames[0][12:]) != want {
			t.Errorf("%s: protocol %#x, frames %x; want %#x", address, protocol, frames, want)
		}
	}
}

func TestNeighbourAdvertisement(t *testing.T) {
	t.Parallel()
	frame := neighbourAdvertisement(mac, netip.MustParseAddr("2001:db8::7"))
	const head = "333300000001" + "020000000007" + "86dd" + "60000000" + "0020" + "3a" + "ff" +
		"20010db8000000000000000000000007" + "ff020000000000000000000000000001" + "8800"
	const tail = "20000000" + "20010db8000000000000000000000007" + "0201" + "020000000007"
	got := hex.EncodeToString(frame)
	if got[:len(head)] != head || got[len(head)+4:] != tail {
		t.Errorf("got  %s\nwant %s....%s", got, head, tail)
	}
	// A receiver's sum over pseudo header and message, checksum included, has to be zero.
	icmp := frame[14+40:]
	pseudo := append([]byte{}, frame[14+8:14+40]...)
	pseudo = append(binary.BigEndian.AppendUint32(pseudo, uint32(len(icmp))), 0, 0, 0, 58)
	if left := checksum.Internet(append(pseudo, icmp...), 0); left != 0 {
		t.Errorf("the checksum is wrong by %#x", left)
	}
}

func TestHostHasItsOwnAddresses(t *testing.T) {
	t.Parallel()
	held, err := Find(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.77"))
	if err != nil {
		t.Skipf("this machine does not list its addresses: %v", err)
	}
	if len(held) != 1 || held[0].Link != "lo" {
		t.Errorf("got %+v, want 127.0.0.1 on lo only", held)
	}
}
