package vrrp

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/atomicfile"
	"holdfast/traffic/vrrp/packet"
)

// numbers are those of sealed advertisements. They grow over restarts, even if the clock goes back, as long as the disk is there, and even if
// the disk is lost, as long as the clock is right.
type numbers struct{ last uint64 }

// numbersFile keeps where the present run began.
const numbersFile = "/var/lib/holdfast/vrrp-numbers"

func openNumbers(path string, clock time.Time) (*numbers, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read where the numbers of sealed advertisements begin: %w", err)
	}
	before, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32) // what cannot be read is lost
	epoch := max(before+1, uint64(clock.Unix()))
	err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), atomicfile.Write(path, []byte(strconv.FormatUint(epoch, 10)), 0o600))
	if err != nil {
		return nil, fmt.Errorf("keep where the numbers of sealed advertisements begin: %w", err)
	}
	return &numbers{epoch << 32}, nil
}

func (n *numbers) next() uint64 {
	n.last++
	return n.last
}

// seal puts a seal behind an advertisement, if the router has a secret.
func (d *Daemon) seal(m *member, advertisement []byte, path packet.Path) ([]byte, error) {
	if m.Secret == nil {
		return advertisement, nil
	}
	if d.numbers == nil {
		var err error
		if d.numbers, err = openNumbers(numbersFile, time.Now()); err != nil {
			return nil, err
		}
	}
	return packet.Sealed(advertisement, path, d.numbers.next(), m.Secret), nil
}

// behindHeader is the IP packet with an Authentication Header, if the router has a key for it; else the advertisement alone. Sequence numbers begin
// with the time: a receiver that has heard this host before takes greater ones only.
func (d *Daemon) behindHeader(m *member, advertisement []byte, path packet.Path) []byte {
	if m.Key == nil {
		return advertisement
	}
	d.sequence = max(d.sequence+1, uint32(time.Now().Unix()))
	return packet.WithHeader(advertisement, path, d.sequence, m.Key)
}

// trusts tells whether what came has the seal that the router's secret asks for, and was not sent before.
func (m *member) trusts(in heard) error {
	if m.Key != nil {
		// Its sequence is not looked at: keepalived begins with 1 whenever it is started.
		return packet.CheckHeader(in.whole, m.Key)
	}
	switch {
	case m.Secret == nil && in.seal == nil:
		return nil
	case m.Secret == nil:
		return fmt.Errorf("%w: it has one, and this host has no secret (auth_type HMAC)", packet.ErrSeal)
	case in.seal == nil:
		return fmt.Errorf("%w: it has none, and this host has a secret (auth_type HMAC)", packet.ErrSeal)
	}
	if err := in.seal.Check(in.bytes, in.path, m.Secret); err != nil {
		return fmt.Errorf("%w: another secret, or it was changed on its way", err)
	}
	if last := m.numbers[in.path.Source]; in.seal.Number <= last {
		return fmt.Errorf("%w: its number went back from %d to %d: it was sent before, or that host has lost its clock and its disk (then reload this one)",
			packet.ErrSeal, last, in.seal.Number)
	}
	if m.numbers == nil {
		m.numbers = map[netip.Addr]uint64{}
	}
	m.numbers[in.path.Source] = in.seal.Number
	return nil
}
