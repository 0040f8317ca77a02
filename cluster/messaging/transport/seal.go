package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"holdfast/cluster/messaging/core"
)

// Errors of opening a packet.
var (
	ErrForeign  = errors.New("not a packet of this protocol version")
	ErrWrongKey = errors.New("not sealed with this cluster's authkey")
	ErrReplay   = errors.New("seen before")
)

const (
	packetVersion = 1
	headerBytes   = 2 + 1 + 1 + 4 + 8 + 8
	gcmTagBytes   = 16
	// MaxPacket is the largest packet that is read.
	MaxPacket = 64 << 10
)

const keySalt = "holdfast messaging 1"

// derive makes a key of the authkey for one purpose.
func derive(authkey []byte, purpose string, n int) ([]byte, error) {
	if len(authkey) < 32 {
		return nil, fmt.Errorf("the authkey has %d bytes and needs at least 32; make one with corosync-keygen", len(authkey))
	}
	return hkdf.Key(sha256.New, authkey, []byte(keySalt), purpose, n)
}

func packetCipher(authkey []byte, from core.HostID, boot uint64) (cipher.AEAD, error) {
	key, err := derive(authkey, fmt.Sprintf("heartbeat %d %016x", from, boot), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Sealer seals one boot's packets. It is not safe for concurrent use.
type Sealer struct {
	from    core.HostID
	boot    uint64
	counter uint64
	aead    cipher.AEAD
}

// NewSealer makes the sealer of a host's boot.
func NewSealer(authkey []byte, from core.HostID, boot uint64) (*Sealer, error) {
	aead, err := packetCipher(authkey, from, boot)
	if err != nil {
		return nil, err
	}
	return &Sealer{from: from, boot: boot, aead: aead}, nil
}

// Seal makes a packet for a link that was never made before.
func (s *Sealer) Seal(link int, plain []byte) []byte {
	s.counter++
	p := make([]byte, 0, headerBytes+len(plain)+gcmTagBytes)
	p = append(p, 'H', 'F', packetVersion, byte(link))
	p = binary.BigEndian.AppendUint32(p, uint32(s.from))
	p = binary.BigEndian.AppendUint64(p, s.boot)
	p = binary.BigEndian.AppendUint64(p, s.counter)
	return s.aead.Seal(p, nonce(s.counter), plain, p)
}

func nonce(counter uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), counter)
}

// Opener opens packets of all senders on one link. It is not safe for concurrent use.
type Opener struct {
	authkey []byte
	link    int
	senders map[sender]*received
	order   []sender // oldest first
}

type sender struct {
	from core.HostID
	boot uint64
}

type received struct {
	aead cipher.AEAD
	seen window
}

// keptSenders is how many boots' counters are remembered.
const keptSenders = 4096

// NewOpener makes an opener.
func NewOpener(authkey []byte, link int) *Opener {
	return &Opener{authkey: authkey, link: link, senders: map[sender]*received{}}
}

// Open returns what a packet holds and which boot of which host sealed it.
func (o *Opener) Open(packet []byte) (plain []byte, from core.HostID, boot uint64, err error) {
	if len(packet) < headerBytes+gcmTagBytes || packet[0] != 'H' || packet[1] != 'F' || packet[2] != packetVersion {
		return nil, 0, 0, ErrForeign
	}
	header := packet[:headerBytes]
	s := sender{core.HostID(binary.BigEndian.Uint32(header[4:])), binary.BigEndian.Uint64(header[8:])}
	counter := binary.BigEndian.Uint64(header[16:])
	r := o.senders[s]
	known := r != nil
	if !known {
		aead, err := packetCipher(o.authkey, s.from, s.boot)
		if err != nil {
			return nil, 0, 0, err
		}
		r = &received{aead: aead}
	}
	plain, err = r.aead.Open(nil, nonce(counter), packet[headerBytes:], header)
	if err != nil {
		return nil, s.from, s.boot, ErrWrongKey
	}
	if int(header[3]) != o.link {
		return nil, s.from, s.boot, fmt.Errorf("host %d's link %d arrives on link %d here: the links' addresses are not in the same order on all hosts", s.from, header[3], o.link)
	}
	if !r.seen.take(counter) {
		return nil, s.from, s.boot, ErrReplay
	}
	if !known {
		o.remember(s, r)
	}
	return plain, s.from, s.boot, nil
}

// remember keeps a sender that has proved to have the key.
func (o *Opener) remember(s sender, r *received) {
	if len(o.order) >= keptSenders {
		delete(o.senders, o.order[0])
		o.order = o.order[1:]
	}
	o.senders[s] = r
	o.order = append(o.order, s)
}

// window takes each counter once; what is windowPackets or more behind is refused.
type window struct {
	top  uint64
	bits [windowPackets / 64]uint64
}

const windowPackets = 1024

func (w *window) take(n uint64) bool {
	slot, bit := n%windowPackets/64, uint64(1)<<(n%64)
	switch {
	case n == 0 || n+windowPackets <= w.top:
		return false
	case n > w.top:
		for i := max(w.top+1, n-min(n-1, windowPackets-1)); i < n; i++ {
			w.bits[i%windowPackets/64] &^= 1 << (i % 64)
		}
		w.top = n
	case w.bits[slot]&bit != 0:
		return false
	}
	w.bits[slot] |= bit
	return true
}
