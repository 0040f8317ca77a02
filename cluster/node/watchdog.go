package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/outlast"
	"holdfast/cluster/fencing/sbd"
	"holdfast/cluster/fencing/watchdog"
	"holdfast/cluster/messaging"
)

// A host with a watchdog lives as long as this daemon feeds it, and the daemon does so only while the
// host may run: while its loop turns, while it is not condemned by a message on an sbd disk, and while
// nobody else can have begun to count on its death (mayLive).

// Watch is what may end this host: its watchdog and the sbd disks it looks at.
type Watch struct {
	Device watchdog.Device // nil: none
	Disks  *sbd.Watcher    // nil: none
	Action string          // SBD_TIMEOUT_ACTION: what ends this host when the watchdog is not fed, ahead of it; "": nothing
	obey   func(m sbd.Message, from, disk string)
}

// openWatch arms what ROOT/etc/holdfast/sbd, or the sbd package's settings, configure; nil when that is
// nothing. The host is not let into the cluster when it cannot be armed: others would count on it.
func openWatch(ctx context.Context, root, host string, log *slog.Logger) (*Watch, error) {
	settings, err := sbd.Load(root)
	if settings == nil || err != nil {
		return nil, err
	}
	log.Info("sbd is on", "settings", settings.Path, "disks", settings.Disks, "watchdog", settings.Watchdog)
	if settings.DelayStart > 0 {
		log.Info("waiting before the start, so that nobody waits for this host's death any more (SBD_DELAY_START)", "time", settings.DelayStart)
		select {
		case <-time.After(settings.DelayStart):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	w := &Watch{Action: settings.Action}
	limit := settings.Timeout
	if len(settings.Disks) > 0 {
		obeying := make(chan struct{}) // closed when obey is set
		config := sbd.WatchConfig{Disks: settings.Disks, Host: host, Log: log, Obey: func(m sbd.Message, from, disk string) {
			<-obeying
			w.obey(m, from, disk)
		}}
		if w.Disks, err = sbd.Watch(config, settings.Clean); err != nil {
			return nil, err
		}
		defer close(obeying)
		if times, known := w.Disks.Timeouts(); known {
			limit = times.Watchdog
			for _, wrong := range times.Check() {
				log.Warn("the sbd disks' times do not fit", "what", wrong)
			}
		}
	}
	if settings.Watchdog != "" {
		if w.Device, err = watchdog.Open(filepath.Join(root, settings.Watchdog), limit); err != nil {
			w.close(false)
			return nil, err
		}
	}
	return w, nil
}

// close ends what was opened, when it is not to be guarded.
func (w *Watch) close(disarm bool) {
	if w == nil {
		return
	}
	if w.Disks != nil {
		w.Disks.Close()
	}
	if w.Device != nil && disarm {
		_ = w.Device.Disarm()
	}
}

// timeout is the time of the watchdog, 0 without one.
func (w *Watch) timeout() time.Duration {
	if w == nil || w.Device == nil {
		return 0
	}
	return w.Device.Timeout()
}

// guard begins to feed the watchdog.
func (n *Node) guard() {
	if n.reaper == nil || n.reaper.Device == nil {
		return
	}
	n.health.Store(&outlast.Health{At: time.Now()})
	judge := n.judge
	if action := n.reaper.Action; action == "off" || action == "reboot" {
		judge = watchdog.LastResort(n.reaper.timeout(), n.judge, func() { n.fenceSelf(action) })
	}
	n.guarding.Store(watchdog.Guarding(n.reaper.Device, judge, n.log))
}

// unguard ends the feeding; lives tells that this host needs no watchdog any more, as nothing
// of the cluster runs here.
func (n *Node) unguard(lives bool) {
	if g := n.guarding.Swap(nil); g != nil {
		if err := g.Close(lives); err != nil {
			n.log.Error("this host's watchdog goes on: it will be reset", "cause", err)
		}
		if lives {
			_ = os.Remove(n.quorumMark())
		}
	}
	if n.reaper != nil && n.reaper.Disks != nil {
		n.reaper.Disks.Close()
	}
}

// judge says why the watchdog may not be fed.
func (n *Node) judge() string {
	if n.examining.CompareAndSwap(false, true) {
		n.queue.put(func() {
			n.examine()
			n.examining.Store(false)
		})
	}
	return n.health.Load().Hungry(time.Now(), n.reaper.timeout())
}

// examine finds out whether this host may live. It is called in the loop, and whenever quorum changes.
func (n *Node) examine() {
	if n.reaper == nil {
		return
	}
	n.health.Store(&outlast.Health{At: time.Now(), Why: n.mayLive()})
}

// mayLive says why this host may not go on.
func (n *Node) mayLive() string {
	host := outlast.Host{
		Own: n.reaper.timeout(), Asleep: n.asleep.Load() > 0, Owing: n.owing, Quorate: n.quorate, Contested: n.replica.LastView().Contested,
		Stalled: n.messenger.Stalled(), StoppedAll: n.stoppedAll,
	}
	if why := n.condemned.Load(); why != nil {
		host.Condemned = *why
	}
	_, host.Counted = fencing.WatchdogTime(n.replica.Document())
	if d := n.reaper.Disks; d != nil {
		host.Blind = !d.Majority(time.Now())
	}
	return host.MayNot()
}

// stoppedAll tells that this host does no harm: without quorum it has stopped everything by itself, or it leaves and
// nothing ran here any more before it lost quorum.
func (n *Node) stoppedAll() bool {
	return n.leaving && !n.broken || n.alone != nil && n.alone.Idle() && len(n.alone.Active(time.Now())) == 0
}

// quorumMark is a file that tells, until the machine boots again, that this host has had quorum: what
// was started then may still run, though this daemon is new.
func (n *Node) quorumMark() string { return filepath.Join(n.settings.Root, "run/holdfast/had-quorum") }

// rememberQuorum notes that this host has had quorum.
func (n *Node) rememberQuorum() {
	if n.reaper == nil {
		return
	}
	if err := os.WriteFile(n.quorumMark(), nil, 0o600); err != nil {
		n.log.Error("cannot note that this host has had quorum", "cause", err)
	}
}

// hadQuorum tells whether an earlier daemon had quorum since the machine booted.
func (n *Node) hadQuorum() bool {
	_, err := os.Stat(n.quorumMark())
	return n.reaper != nil && err == nil
}

// obey does what a message on an sbd disk says.
func (n *Node) obey(m sbd.Message, from, disk string) {
	action := "reboot"
	if m == sbd.Off {
		action = "off"
	}
	n.condemn("an sbd message of " + from + " on " + disk + " says " + m.String())
	n.fenceSelf(action)
}

// condemn lets the watchdog end this host, whatever else happens.
func (n *Node) condemn(why string) { n.condemned.CompareAndSwap(nil, &why) }

// selfFenceService asks a host to end itself.
const selfFenceService = "self-fence"

// serveSelfFence ends this host because its leader asks for it. The answer is that its end is certain.
func (n *Node) serveSelfFence(_ context.Context, from messaging.HostID, _ []byte) (any, error) {
	if n.guarding.Load() == nil {
		return nil, errors.New("this host has no watchdog")
	}
	n.condemn(n.name(from) + " asked for it")
	n.examine()
	time.AfterFunc(n.reaper.timeout()/10, func() { n.fenceSelf("reboot") })
	return struct{}{}, nil
}

// bootInView is the boot id of a host's daemon, when it is in the view.
func (n *Node) bootInView(id messaging.HostID) (boot uint64, here bool) {
	view := n.replica.LastView()
	return view.BootOf(id)
}

// endMachine is how this machine is ended.
func endMachine(action string) int {
	if action == "off" {
		return unix.LINUX_REBOOT_CMD_POWER_OFF
	}
	return unix.LINUX_REBOOT_CMD_RESTART
}
