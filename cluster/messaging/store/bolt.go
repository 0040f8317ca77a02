package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"google.golang.org/protobuf/proto"

	pb "go.etcd.io/raft/v3/raftpb"
	"holdfast/cluster/messaging/core"
)

// ErrCorrupt is wrapped by errors about a file that does not hold what was written. Such
// a file is never used; the host has to be set up again from its peers.
var ErrCorrupt = errors.New("the stored log is damaged")

// ErrBusy is wrapped when another process has the file open.
var ErrBusy = errors.New("another process uses the state directory")

const logFile = "log.db"

var (
	metaBucket = []byte("meta")
	logBucket  = []byte("log")

	versionKey   = []byte("version")
	bootKey      = []byte("boot")
	diskKey      = []byte("disk")
	promisedKey  = []byte("promised")
	ballotKey    = []byte("ballot")
	hardStateKey = []byte("hardstate")
	snapshotKey  = []byte("snapshot")
)

// Bolt is a host's disk in one bbolt file, log.db, below the state directory.
//
// Bucket meta: version (1), boot, disk, promised, ballot, hardstate and snapshot (raft's
// protobuf); bucket log: an entry (raft's protobuf) under its index as eight bytes, big
// endian. Every value begins with its CRC-32C. Discarded logs are files in forks/.
type Bolt struct {
	db      *bbolt.DB
	dir     string
	pending *core.Save // without Sync: goes with the next write
}

// Open opens or makes the file below dir.
func Open(dir string) (*Bolt, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	path := filepath.Join(dir, logFile)
	db, err := openFile(path)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: %w: stop it first", path, ErrBusy)
	}
	if err != nil {
		if os.IsPermission(err) || errors.As(err, new(*os.PathError)) {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		return nil, fmt.Errorf("open %s: %w: %w; move it away and start the daemon to copy the state from the peers", path, ErrCorrupt, err)
	}
	b := &Bolt{db: db, dir: dir}
	err = guard(func() error {
		return db.Update(func(tx *bbolt.Tx) error {
			if _, err := tx.CreateBucketIfNotExists(logBucket); err != nil {
				return err
			}
			meta, err := tx.CreateBucketIfNotExists(metaBucket)
			if err != nil || meta.Get(versionKey) != nil {
				return err
			}
			return meta.Put(versionKey, seal([]byte{core.FormatVersion}))
		})
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), b.close())
	}
	return b, nil
}

// openFile opens with faults of a truncated file turned into errors.
func openFile(path string) (db *bbolt.DB, err error) {
	err = guard(func() error {
		var err error
		// The list of free pages is kept in the file: without it bbolt looks for them in a
		// goroutine of its own, where a fault of a damaged file cannot be caught.
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
		if err != nil {
			return err
		}
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		return db.View(func(tx *bbolt.Tx) error {
			if st.Size() < tx.Size() {
				return fmt.Errorf("%w: the file has %d bytes of %d", ErrCorrupt, st.Size(), tx.Size())
			}
			return nil
		})
	})
	if err != nil && db != nil {
		err = errors.Join(err, guard(db.Close))
	}
	return db, err
}

// guard turns what bbolt does on a damaged file, panics and faults in its map, into an error.
func guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, r)
		}
	}()
	return do()
}

// castagnoli is made when it is needed: every call of an agent starts this binary.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

func seal(v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, len(v)+4), crc32.Checksum(v, castagnoli())), v...)
}

// unseal returns a copy of what was sealed, nil for nothing.
func unseal(name string, v []byte) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	if len(v) < 4 || crc32.Checksum(v[4:], castagnoli()) != binary.BigEndian.Uint32(v) {
		return nil, fmt.Errorf("%w: checksum of %s does not match", ErrCorrupt, name)
	}
	return append([]byte{}, v[4:]...), nil
}

// Load reads everything.
func (b *Bolt) Load() (core.Saved, error) {
	var s core.Saved
	err := guard(func() error {
		return b.db.View(func(tx *bbolt.Tx) error {
			if err := loadMeta(tx.Bucket(metaBucket), &s); err != nil {
				return err
			}
			return loadLog(tx.Bucket(logBucket), &s)
		})
	})
	if err != nil {
		return core.Saved{}, fmt.Errorf("read %s: %w; move the file away and start the daemon to copy the state from the peers", b.db.Path(), err)
	}
	return s, nil
}

func loadMeta(meta *bbolt.Bucket, s *core.Saved) error {
	get := func(key []byte) []byte { return meta.Get(key) }
	version, err := unseal("version", get(versionKey))
	if err != nil {
		return err
	}
	if len(version) != 1 || version[0] != core.FormatVersion {
		return fmt.Errorf("it has format %v and this daemon reads format %d: install the newer release again", version, core.FormatVersion)
	}
	for key, id := range map[string]*uint64{string(bootKey): &s.Boot, string(diskKey): &s.Disk} {
		v, err := unseal(key, get([]byte(key)))
		if err != nil {
			return err
		}
		if len(v) == 8 {
			*id = binary.BigEndian.Uint64(v)
		}
	}
	for key, ballot := range map[string]*core.Ballot{string(promisedKey): &s.Promised, string(ballotKey): &s.Ballot} {
		v, err := unseal(key, get([]byte(key)))
		if err != nil {
			return err
		}
		if len(v) == 12 {
			*ballot = core.Ballot{Number: binary.BigEndian.Uint64(v), Proposer: core.HostID(binary.BigEndian.Uint32(v[8:]))}
		}
	}
	hard, err := unseal("hardstate", get(hardStateKey))
	if err != nil {
		return err
	}
	if hard != nil {
		s.HardState = &pb.HardState{}
		if err := proto.Unmarshal(hard, s.HardState); err != nil {
			return fmt.Errorf("%w: hardstate: %w", ErrCorrupt, err)
		}
	}
	snap, err := unseal("snapshot", get(snapshotKey))
	if err != nil || snap == nil {
		return err
	}
	s.Snapshot = &pb.Snapshot{}
	if err := proto.Unmarshal(snap, s.Snapshot); err != nil {
		return fmt.Errorf("%w: snapshot: %w", ErrCorrupt, err)
	}
	return nil
}

func loadLog(log *bbolt.Bucket, s *core.Saved) error {
	next := s.Snapshot.GetMetadata().GetIndex() + 1
	return log.ForEach(func(k, v []byte) error {
		name := fmt.Sprintf("entry %x", k)
		data, err := unseal(name, v)
		if err != nil {
			return err
		}
		e := &pb.Entry{}
		if err := proto.Unmarshal(data, e); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
		}
		if len(k) != 8 || binary.BigEndian.Uint64(k) != e.GetIndex() || e.GetIndex() != next {
			return fmt.Errorf("%w: %s is not entry %d, which should follow", ErrCorrupt, name, next)
		}
		next++
		s.Entries = append(s.Entries, e)
		return nil
	})
}

// Save writes atomically, and durably if asked to.
func (b *Bolt) Save(s *core.Save) error {
	if !s.Sync && s.Snapshot == nil && len(s.Entries) == 0 && s.Promised == nil {
		if b.pending == nil {
			b.pending = &core.Save{}
		}
		if s.HardState != nil {
			b.pending.HardState = proto.CloneOf(s.HardState)
		}
		if s.Boot != 0 {
			b.pending.Boot = s.Boot
		}
		return nil
	}
	if s.Discarded != nil {
		if err := keepFork(b.dir, s.Discarded); err != nil {
			return fmt.Errorf("keep the discarded log: %w", err)
		}
	}
	err := guard(func() error {
		return b.db.Update(func(tx *bbolt.Tx) error {
			if b.pending != nil {
				if err := write(tx, b.pending); err != nil {
					return err
				}
			}
			return write(tx, s)
		})
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", b.db.Path(), err)
	}
	b.pending = nil
	return nil
}

func write(tx *bbolt.Tx, s *core.Save) error {
	meta := tx.Bucket(metaBucket)
	var errs []error
	put := func(key, v []byte) { errs = append(errs, meta.Put(key, seal(v))) }
	ballot := func(key []byte, v core.Ballot) {
		put(key, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, v.Number), uint32(v.Proposer)))
	}
	message := func(key []byte, m proto.Message) {
		v, err := proto.Marshal(m)
		errs = append(errs, err)
		put(key, v)
	}
	if s.Boot != 0 {
		put(bootKey, binary.BigEndian.AppendUint64(nil, s.Boot))
	}
	if s.Disk != 0 {
		put(diskKey, binary.BigEndian.AppendUint64(nil, s.Disk))
	}
	if s.Promised != nil {
		ballot(promisedKey, *s.Promised)
	}
	if s.Install {
		ballot(ballotKey, s.Ballot)
	}
	if s.HardState != nil {
		message(hardStateKey, s.HardState)
	}
	if s.Snapshot != nil {
		message(snapshotKey, s.Snapshot)
	}
	return errors.Join(append(errs, writeLog(tx, s))...)
}

// writeLog drops what the write replaces and puts the entries.
func writeLog(tx *bbolt.Tx, s *core.Save) error {
	log := tx.Bucket(logBucket)
	if s.Install || s.Replace {
		if err := tx.DeleteBucket(logBucket); err != nil {
			return err
		}
		var err error
		if log, err = tx.CreateBucket(logBucket); err != nil {
			return err
		}
	}
	low := uint64(0)
	if s.Snapshot != nil {
		low = s.Snapshot.GetMetadata().GetIndex()
		for k, _ := log.Cursor().First(); k != nil && binary.BigEndian.Uint64(k) <= low; k, _ = log.Cursor().First() {
			if err := log.Delete(k); err != nil {
				return err
			}
		}
	}
	if len(s.Entries) == 0 {
		return nil
	}
	first := key(s.Entries[0].GetIndex())
	for k, _ := log.Cursor().Seek(first); k != nil; k, _ = log.Cursor().Seek(first) {
		if err := log.Delete(k); err != nil {
			return err
		}
	}
	for _, e := range s.Entries {
		if e.GetIndex() <= low {
			continue
		}
		v, err := proto.Marshal(e)
		if err != nil {
			return err
		}
		if err := log.Put(key(e.GetIndex()), seal(v)); err != nil {
			return err
		}
	}
	return nil
}

func key(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

// Close writes what is pending and closes the file.
func (b *Bolt) Close() error {
	if b.pending != nil {
		s := b.pending
		s.Sync = true
		b.pending = nil
		if err := b.Save(s); err != nil {
			return errors.Join(err, b.close())
		}
	}
	return b.close()
}

func (b *Bolt) close() error { return b.db.Close() }
