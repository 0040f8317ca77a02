package exchange

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// keyFiles are where a key is looked for, below the root; the first that exists is taken. The others are the cluster's.
var keyFiles = []string{"/etc/holdfast/director.key", "/etc/holdfast/authkey", "/etc/corosync/authkey"}

const leastKey = 32 // bytes

// ReadKey reads the key that directors share.
func ReadKey(root string) ([]byte, error) {
	for _, name := range keyFiles {
		path := filepath.Join("/", root, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the directors' key: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("the directors' key %s is open to others (mode %04o): chmod 600 it", path, info.Mode().Perm())
		}
		key, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the directors' key: %w", err)
		}
		if len(key) < leastKey {
			return nil, fmt.Errorf("the directors' key %s has %d bytes and needs at least %d", path, len(key), leastKey)
		}
		return key, nil
	}
	return nil, fmt.Errorf("directors exchange connections under a key that they share: there is neither %s nor the cluster's authkey; "+
		"make one of at least %d random bytes that only root may read, the same on both", keyFiles[0], leastKey)
}

// Errors of opening a packet.
var (
	ErrForeign = errors.New("not a packet of this exchange, or of another version of it")
	ErrSeal    = errors.New("not sealed with the directors' key")
	ErrReplay  = errors.New("sent before")
)

// A packet is a mark with its version, the number of its sender's run, its own number, and what is sealed. The mark and the numbers are under the seal, too.
var packetMark = []byte("HFX\x01")

const (
	runBytes    = 8 + 8 // when it began, in ns of Unix time, and random ones
	headerBytes = 4 + runBytes + 8
	tagBytes    = 16
	purpose     = "holdfast director exchange 1"
)

type run [runBytes]byte

func (r run) began() uint64 { return binary.BigEndian.Uint64(r[:]) }

// cipherOf has the key of one run.
func cipherOf(key []byte, r run) (cipher.AEAD, error) {
	own, err := hkdf.Key(sha256.New, key, r[:], purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func nonce(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), number)
}

// Sealer seals the packets of one run.
type Sealer struct {
	run    run
	number uint64
	aead   cipher.AEAD
}

// NewSealer begins a run at a time, in ns of Unix time.
func NewSealer(key []byte, now int64) (*Sealer, error) {
	s := &Sealer{}
	binary.BigEndian.PutUint64(s.run[:], uint64(now))
	if _, err := rand.Read(s.run[8:]); err != nil {
		return nil, err
	}
	var err error
	s.aead, err = cipherOf(key, s.run)
	return s, err
}

// Seal makes a packet.
func (s *Sealer) Seal(content []byte) []byte {
	s.number++
	b := append(append([]byte{}, packetMark...), s.run[:]...)
	b = binary.BigEndian.AppendUint64(b, s.number)
	return s.aead.Seal(b, nonce(s.number), content, b)
}

// Opener opens packets of any run under its key that is its sender's newest.
type Opener struct {
	key  []byte
	runs map[string]*heard // by the name of the sender
}

// heard is what was last heard of a sender.
type heard struct {
	run  run
	last uint64
	aead cipher.AEAD
}

// NewOpener makes one that has heard nothing.
func NewOpener(key []byte) *Opener { return &Opener{key, map[string]*heard{}} }

// Open gives what a packet says.
func (o *Opener) Open(packet []byte) (message, error) {
	if len(packet) < headerBytes+tagBytes || string(packet[:4]) != string(packetMark) {
		return message{}, ErrForeign
	}
	r, number := run(packet[4:]), binary.BigEndian.Uint64(packet[4+runBytes:])
	h := o.of(r)
	if h == nil {
		aead, err := cipherOf(o.key, r)
		if err != nil {
			return message{}, err
		}
		h = &heard{run: r, aead: aead}
	}
	content, err := h.aead.Open(nil, nonce(number), packet[headerBytes:], packet[:headerBytes])
	if err != nil {
		return message{}, ErrSeal
	}
	m, err := parseMessage(content)
	if err != nil {
		return m, err
	}
	before := o.runs[m.sender]
	if number <= h.last || before != nil && before != h && h.run.began() <= before.run.began() {
		return message{}, ErrReplay
	}
	h.last = number
	o.runs[m.sender] = h
	return m, nil
}

func (o *Opener) of(r run) *heard {
	for _, h := range o.runs {
		if h.run == r {
			return h
		}
	}
	return nil
}
