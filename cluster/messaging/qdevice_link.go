package messaging

import (
	"slices"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/qdevice"
)

// lender is a quorum device: a server that is asked, or a disk.
type lender interface {
	Report(r qdevice.Report, useful bool)
	Configure(hosts []uint32)
	Status() device.Status
	Close()
}

// openDevice starts to ask the quorum device, if one is configured. The loop's.
func (m *Messenger) openDevice() {
	cfg := m.cfg.Device
	if cfg == nil {
		return
	}
	cfg.Settings.Node, cfg.Settings.Configured = uint32(m.cfg.Self), m.ids()
	links := device.Links{Say: m.deviceSays, Now: m.now, Log: m.cfg.Log}
	var opened lender
	if cfg.Disk != "" {
		opened = device.OpenDisk(*cfg, links)
	} else {
		opened = device.Open(*cfg, links)
	}
	m.device.Store(&opened)
}

// closeDevice ends that, and with it the device's word.
func (m *Messenger) closeDevice() {
	if d := m.device.Swap(nil); d != nil {
		(*d).Close()
	}
}

// DropDevice stops asking the quorum device, until another configuration comes; false without one.
func (m *Messenger) DropDevice() bool {
	m.changing.Lock()
	defer m.changing.Unlock()
	if m.device.Load() == nil {
		return false
	}
	m.closeDevice()
	m.do(func(now time.Duration) { m.core.Step(now, core.DeviceSays{}) })
	m.cfg.Device = nil
	return true
}

// ids lists the configured hosts, ascending.
func (m *Messenger) ids() []uint32 {
	var ids []uint32
	for _, h := range m.cfg.Hosts {
		ids = append(ids, uint32(h.ID))
	}
	slices.Sort(ids)
	return ids
}

// deviceSays brings the device's word into the core, and returns when it counts there.
func (m *Messenger) deviceSays(st qdevice.Standing) {
	done := make(chan struct{})
	if !m.do(func(now time.Duration) { m.core.Step(now, said(st)); close(done) }) {
		return
	}
	select {
	case <-done:
	case <-m.stop:
	}
}

// said translates the device's word.
func said(st qdevice.Standing) core.DeviceSays {
	return core.DeviceSays{Ring: st.Ring.Seq, Gives: st.Vote == qdevice.Ack, Undecided: st.Vote == qdevice.NoVote, Until: st.Until}
}

// tellDevice reports a partition.
func (m *Messenger) tellDevice(p *core.Partition) {
	if d := m.device.Load(); p != nil && d != nil {
		(*d).Report(ReportOf(p, m.ids()), p.Useful)
	}
}

// ReportOf translates a partition for the quorum device. hosts are all that are configured.
func ReportOf(p *core.Partition, hosts []uint32) qdevice.Report {
	r := qdevice.Report{Quorate: p.Quorate}
	for _, h := range p.Members {
		r.Members = append(r.Members, uint32(h))
	}
	r.Ring = qdevice.Ring{Node: r.Members[0], Seq: p.Ring}
	for _, h := range hosts {
		n := qdevice.Node{ID: h, State: qdevice.StateDead}
		if slices.Contains(r.Members, h) {
			n.State = qdevice.StateMember
		}
		r.States = append(r.States, n)
	}
	return r
}

// Device returns what is known of the quorum device; ok is false without one.
func (m *Messenger) Device() (st device.Status, ok bool) {
	d := m.device.Load()
	if d == nil {
		return device.Status{}, false
	}
	return (*d).Status(), true
}
