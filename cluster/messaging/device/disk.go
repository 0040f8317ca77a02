package device

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/quorumdisk"
	"holdfast/cluster/messaging/sectors"
)

// Disk is a host's side of a quorum disk. Its methods can be called from any goroutine, and do not wait.
type Disk struct {
	*loop
	cfg   Config
	links Links

	// Owned by the loop.
	lease     *quorumdisk.Lease
	situation quorumdisk.Situation
	hosts     []uint32 // all that are configured
	round     int      // counts runs of the commands
	regular   time.Duration
	running   bool
	said      qdevice.Standing
	problem   string
	regularly qdevice.Heuristics // the outcome of the last regular run

	accessing bool          // an access is under way, and has file
	file      *sectors.Disk // nil: not open
}

// errClosed is why the disk is not accessed any more.
var errClosed = errors.New("the quorum disk is closed")

// OpenDisk starts to look after a quorum disk. It does not wait for the disk.
func OpenDisk(cfg Config, links Links) *Disk {
	var daemon [8]byte
	_, _ = rand.Read(daemon[:])
	d := &Disk{loop: newLoop(), cfg: cfg, links: links, hosts: cfg.Settings.Configured}
	d.lease = quorumdisk.New(quorumdisk.Config{Self: cfg.Settings.Node, Daemon: binary.BigEndian.Uint64(daemon[:]), Timing: quorumdisk.TimingOf(cfg.Hold)})
	d.spawn(d.run)
	return d
}

// Report tells of the partition that the host is in, and whether it would have quorum with the disk's votes.
func (d *Disk) Report(r qdevice.Report, useful bool) { d.put(func() { d.reported(r, useful) }) }

// Configure tells that the cluster's hosts changed.
func (d *Disk) Configure(hosts []uint32) {
	d.put(func() {
		d.hosts = hosts
		d.situation.Whole = len(d.situation.Members) == len(hosts)
		d.lease.Situate(d.links.Now(), d.situation)
	})
}

// Status returns what is known now.
func (d *Disk) Status() Status {
	st := Status{Config: d.cfg}
	d.ask(func() {
		st.Now = d.links.Now()
		lease := d.lease.Status(st.Now)
		st.Lease, st.Failure = &lease, lease.Failure
		st.Settings, st.Standing, st.Regular = d.cfg.Settings, d.lease.Standing(st.Now), d.regularly
		st.Settings.Configured = d.hosts
		st.Report = qdevice.Report{Ring: st.Standing.Ring, Members: d.situation.Members, Heuristics: d.situation.Heuristics}
		if lease.Failure == nil && lease.Read > 0 {
			st.State, st.LastReply = qdevice.Connected, lease.Read
		}
	})
	return st
}

// run is the only goroutine that touches the lease.
func (d *Disk) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer func() {
		if !d.accessing {
			d.file.Close()
		}
	}()
	for {
		now := d.links.Now()
		d.runRegular(now)
		if op, ok := d.lease.Next(now); ok {
			d.access(op, now)
		}
		d.say()
		next := d.lease.At(now)
		if d.cfg.Heuristics.Mode == On && !d.running {
			next = min(next, d.regular)
		}
		timer.Reset(max(0, next-d.links.Now()))
		select {
		case <-d.ctx.Done():
			return
		case f := <-d.events:
			f()
		case <-timer.C:
		}
	}
}

// say makes known how the vote stands, if that is news.
func (d *Disk) say() {
	if st := d.lease.Standing(d.links.Now()); st != d.said {
		d.said = st
		d.links.Say(st)
	}
}

// access reads or writes, beside the loop: a disk may take as long as it likes, and Close does not wait for
// it. One at a time is under way.
func (d *Disk) access(op quorumdisk.Op, started time.Duration) {
	d.accessing = true
	go func() {
		data, size, err := d.carryOut(op)
		if d.ctx.Err() != nil {
			d.file.Close()
			return
		}
		d.put(func() {
			d.accessing = false
			now := d.links.Now()
			switch {
			case op.Write != nil:
				d.lease.Wrote(now, err)
			case err != nil:
				d.lease.ReadFailed(now, err)
			default:
				d.lease.Read(started, now, data, size)
				err = d.lease.Status(now).Failure
			}
			d.note(err)
		})
	}()
}

// carryOut accesses the disk. After a failure it is opened anew.
func (d *Disk) carryOut(op quorumdisk.Op) (data []byte, size int, err error) {
	if d.ctx.Err() != nil {
		return nil, 0, errClosed
	}
	if d.file == nil {
		if d.file, err = sectors.Open(d.cfg.Disk); err != nil {
			d.file = nil
			return nil, 0, err
		}
	}
	if op.Write != nil {
		err = d.file.Write(int(op.Write.Host), 1, op.Write.Marshal())
	} else {
		data, err = d.file.Read(0, quorumdisk.Sectors)
		size = d.file.Size()
	}
	if err != nil {
		d.file.Close()
		d.file = nil
		err = fmt.Errorf("quorum disk %s: %w", d.cfg.Disk, err)
	}
	return data, size, err
}

// note logs a problem, and its end, once.
func (d *Disk) note(err error) {
	switch {
	case d.ctx.Err() != nil:
	case err == nil && d.problem != "":
		d.problem = ""
		d.links.Log.Info("the quorum disk answers again", "disk", d.cfg.Disk)
	case err != nil && err.Error() != d.problem:
		d.problem = err.Error()
		d.links.Log.Warn("quorum disk", "disk", d.cfg.Disk, "cause", err)
	}
}

// reported takes a partition in. In a new one the commands run.
func (d *Disk) reported(r qdevice.Report, useful bool) {
	now := d.links.Now()
	anew := r.Ring.Seq != d.situation.Ring
	d.situation.Ring, d.situation.Members, d.situation.Useful = r.Ring.Seq, slices.Clone(r.Members), useful
	d.situation.Whole = len(r.Members) == len(d.hosts)
	h := d.cfg.Heuristics
	if !anew || h.Mode == Off || len(h.Commands) == 0 {
		d.lease.Situate(now, d.situation)
		return
	}
	d.round++
	d.situation.Pending = true
	d.lease.Situate(now, d.situation)
	round := d.round
	d.spawn(func() {
		outcome, err := h.run(d.ctx, cmp.Or(h.Sync, d.cfg.Hold))
		d.put(func() {
			if round == d.round {
				d.outcome(outcome, err)
				d.situation.Pending = false
				d.lease.Situate(d.links.Now(), d.situation)
			}
		})
	})
}

// outcome notes what the commands found.
func (d *Disk) outcome(outcome qdevice.Heuristics, err error) {
	if err != nil && d.ctx.Err() == nil {
		d.links.Log.Warn("quorum disk: heuristics", "cause", err)
	}
	d.situation.Heuristics, d.regularly = outcome, outcome
	d.regular = d.links.Now() + d.cfg.Heuristics.Interval
}

// runRegular runs the commands when that is due.
func (d *Disk) runRegular(now time.Duration) {
	h := d.cfg.Heuristics
	if h.Mode != On || d.running || d.situation.Ring == 0 || d.situation.Pending || now < d.regular {
		return
	}
	d.running = true
	round := d.round
	d.spawn(func() {
		outcome, err := h.run(d.ctx, h.Timeout)
		d.put(func() {
			d.running, d.regular = false, d.links.Now()+h.Interval
			if round == d.round && d.ctx.Err() == nil {
				if outcome == d.situation.Heuristics {
					err = nil // it is known
				}
				d.outcome(outcome, err)
				d.lease.Situate(d.links.Now(), d.situation)
			}
		})
	})
}

// Create makes a quorum disk of what is at path. What another disk holds is overwritten only if over says so.
func CreateDisk(path string, over bool) error {
	disk, err := sectors.Open(path)
	if err != nil {
		return err
	}
	defer disk.Close()
	first, err := disk.Read(0, 1)
	if err != nil {
		return fmt.Errorf("create quorum disk %s: %w", path, err)
	}
	if !over && slices.ContainsFunc(first, func(b byte) bool { return b != 0 }) {
		what := "something"
		if _, err := quorumdisk.ParseHeader(first); err == nil {
			what = "a quorum disk, which a cluster may be using"
		}
		return fmt.Errorf("create quorum disk %s: it begins with %s; --force overwrites it", path, what)
	}
	h := quorumdisk.Header{Size: disk.Size()}
	_, _ = rand.Read(h.ID[:])
	// The header comes last: a disk half made is none.
	if err = disk.Write(0, quorumdisk.Sectors, nil); err == nil {
		err = disk.Write(0, 1, h.Marshal())
	}
	if err != nil {
		return fmt.Errorf("create quorum disk %s: %w", path, err)
	}
	return nil
}

// ReadDisk returns the header and the blocks of a quorum disk.
func ReadDisk(path string) (quorumdisk.Header, []quorumdisk.Block, error) {
	disk, err := sectors.Open(path)
	if err != nil {
		return quorumdisk.Header{}, nil, err
	}
	defer disk.Close()
	data, err := disk.Read(0, quorumdisk.Sectors)
	if err != nil {
		return quorumdisk.Header{}, nil, fmt.Errorf("quorum disk %s: %w", path, err)
	}
	header, err := quorumdisk.ParseHeader(data)
	if err != nil {
		return quorumdisk.Header{}, nil, fmt.Errorf("quorum disk %s: %w", path, err)
	}
	var blocks []quorumdisk.Block
	for i := 1; i < quorumdisk.Sectors; i++ {
		if k, ok := quorumdisk.ParseBlock(data[i*disk.Size():]); ok {
			blocks = append(blocks, k)
		}
	}
	return header, blocks, nil
}
