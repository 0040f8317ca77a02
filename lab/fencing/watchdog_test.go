package fencing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// guarded starts hosts with watchdogs of 4 s, which a busy machine's daemons can feed in time, and sbd on the lab's disks.
func guarded(t *testing.T, c fleet.Config, more ...string) *fleettest.Fleet {
	t.Helper()
	var disks []string
	for i := range c.Disks {
		disks = append(disks, lab.DiskPath(i+1))
	}
	return armed(t, c, disks, more...)
}

// armed is guarded with sbd on these disks.
func armed(t *testing.T, c fleet.Config, disks []string, more ...string) *fleettest.Fleet {
	t.Helper()
	settings := fmt.Sprintf("SBD_WATCHDOG_DEV=%s\nSBD_WATCHDOG_TIMEOUT=4\nSBD_DEVICE='%s'\n%s\n", lab.WatchdogPath, strings.Join(disks, ";"), strings.Join(more, "\n"))
	c.Binary = fleet.Program()
	c.Files = append(c.Files, lab.File{Path: "/etc/holdfast/sbd", Data: []byte(settings), Mode: 0o600})
	if len(disks) > 0 {
		c.Install = append(c.Install, lab.Command{Args: []string{"sh", "-c", "[ $(hostname) != web1 ] || sbd -d '" + strings.Join(disks, ";") + "' -1 4 -2 1 -3 1 -4 8 create"}})
	}
	return fleettest.Start(t, c)
}

// fenced waits until the hosts are told that one was fenced, and returns when.
func fenced(f *fleettest.Fleet, since lab.Moment, host string) (at lab.Moment) {
	_, at = fencedOne(f, since, host)
	return at
}

// fencedOne waits until the hosts are told that one of some (none named: of all) was fenced, and returns which and when.
func fencedOne(f *fleettest.Fleet, since lab.Moment, hosts ...string) (host string, at lab.Moment) {
	f.Until(func() error {
		for _, e := range f.Events().Since(since) {
			if e.Kind == client.Fenced && e.Host != e.Subject && e.Code == 0 && (len(hosts) == 0 || slices.Contains(hosts, e.Subject)) {
				host, at = e.Subject, lab.Moment(e.Boottime)
				return nil
			}
		}
		return fmt.Errorf("nobody of %v was fenced", hosts)
	})
	return host, at
}

func TestLostHostIsResetByItsWatchdogBeforeOthersTakeOver(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=12s no-quorum-policy=freeze", dummy("d"))
	if out := f.Run("web1", "", "crm_attribute", "-G", "-n", "have-watchdog"); !strings.Contains(out, "value=true") {
		t.Errorf("have-watchdog: %s", out)
	}
	at := f.Runs("d")
	boots := bootsOf(f, at)
	since, err := f.Host(at).Cut(lab.AllLinks)
	f.Must(err)
	f.Runs("d", at) // the links stay cut, so the host cannot have it again
	fencedAt := fenced(f, since, at)
	if took := time.Duration(fencedAt - since); took < 12*time.Second {
		t.Errorf("%s counted as dead %s after its links were cut, before its watchdog's time was over", at, took)
	}
	if now := bootsOf(f, at); now == boots {
		t.Errorf("%s runs on although another host has taken its resource over", at)
	}
	f.Shows(f.Others(at)[0], []string{"device=watchdog"}, "stonith_admin", "--history", at)
	f.Must(f.Host(at).Heal(lab.AllLinks))
	f.Must(f.Ready(f.Ctx))
}

// Two hosts and what lends one of them a vote: the one without it is reset by its watchdog, and only then the other takes
// over. How long that takes follows from how long a host may hope for the vote.
func TestWatchdogsFenceTwoHostsWithAQuorumDevice(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]fleet.Config{"a witness": {Witness: "ffsplit"}, "a quorum disk": {Disks: 1}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c.Hosts = lab.Names("web", 2)
			f := armed(t, c, nil)
			if c.Disks > 0 {
				f.Run("web1", "", "holdfast", "quorum-disk", "create", lab.DiskPath(1))
				f.Run("web1", "", "pcs", "quorum", "device", "add", "model", "disk", "path="+lab.DiskPath(1))
			}
			f.Shows("web2", []string{"Quorate:          Yes", "Total votes:      3"}, "corosync-quorumtool", "-s")
			load(f, "stonith-enabled=true stonith-watchdog-timeout=-1 no-quorum-policy=freeze", dummy("on-web1"), dummy("on-web2"))
			f.Run("web1", "", "holdfast", "check")
			boots := map[string]int{}
			for _, host := range []string{"web1", "web2"} {
				f.Run("web1", "", "crm_resource", "--move", "--resource", "on-"+host, "--node", host, "--force")
				f.Runs("on-"+host, f.Others(host)...)
				boots[host] = bootsOf(f, host)
			}
			since := lab.Now()
			f.Must(f.Block([2]string{"web1", "web2"}))
			lost, at := fencedOne(f, since)
			if took := time.Duration(at - since); took < 2*4*time.Second {
				t.Errorf("%s counted as dead %s after the cut, before its watchdog's time was over", lost, took)
			}
			if bootsOf(f, lost) == boots[lost] {
				t.Errorf("%s runs on although it counts as dead", lost)
			}
			if survivor := f.Runs("on-"+lost, lost); bootsOf(f, survivor) != boots[survivor] {
				t.Errorf("%s was reset, too", survivor)
			}
			f.Must(f.Block())
			f.Must(f.Ready(f.Ctx))
			f.Runs("on-"+lost, f.Others(lost)...)
		})
	}
}

// Two hosts that do not hear each other while both hear a third: each may take the third for its majority. Only one of them is
// in the view, and what the other ran is not started elsewhere before that one has ended itself.
func TestWatchdogEndsAHostThatOnlyAThirdHears(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=12s no-quorum-policy=freeze", dummy("on-web1"), dummy("on-web2"))
	boots := map[string]int{}
	for _, host := range []string{"web1", "web2"} {
		f.Run("web3", "", "crm_resource", "--move", "--resource", "on-"+host, "--node", host, "--force")
		f.Runs("on-"+host, f.Others(host)...)
		boots[host] = bootsOf(f, host)
	}
	since := lab.Now()
	f.Must(f.Block([2]string{"web1", "web2"}))
	lost, _ := fencedOne(f, since, "web1", "web2")
	if bootsOf(f, lost) == boots[lost] {
		t.Errorf("%s runs on although it counts as dead", lost)
	}
	// The third host is asked: the lost one is back, and hears enough to think that it knows.
	f.Until(func() error {
		out, err := f.Try("web3", "", "crm_resource", "--locate", "--resource", "on-"+lost)
		if err == nil && (!strings.Contains(out, "running on: ") || strings.Contains(out, "running on: "+lost)) {
			err = errors.New(out)
		}
		return err
	})
	f.Must(f.Block())
	f.Must(f.Ready(f.Ctx))
}

// A host of the release before cannot tell whether it misses a lost one: that stays unclean, with what to do, and is fenced once all hosts
// are upgraded.
func TestWatchdogsAreCountedOnWhenAllHostsAreUpgraded(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3), Install: []lab.Command{{Args: []string{"sh", "-c", "[ $(hostname) != web3 ] || echo 2 > /etc/holdfast/feature-level"}}}})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=-1 no-quorum-policy=freeze", dummy("d"))
	f.Run("web2", "", "crm_resource", "--move", "--resource", "d", "--node", "web1", "--force")
	f.Runs("d", "web2", "web3")
	since, err := f.Host("web1").Cut(lab.AllLinks)
	f.Must(err)
	f.Shows("web2", []string{"reboot of web1 failed", "needs feature level 3 on every host: web3 has 2; upgrade these first"}, "stonith_admin", "--history", "web1", "--verbose")
	f.Run("web3", "", "rm", "/etc/holdfast/feature-level")
	f.Run("web3", "", "pkill", "-KILL", "-f", "holdfast node") // its watchdog resets it, and the daemon starts anew
	fenced(f, since, "web1")
	f.Runs("d", "web1")
	f.Must(f.Host("web1").Heal(lab.AllLinks))
	f.Must(f.Ready(f.Ctx))
}

// bootsOf counts a host's boots.
func bootsOf(f *fleettest.Fleet, host string) int {
	status, err := f.Host(host).Status()
	f.Must(err)
	return status.Boots
}

func TestFrozenHostIsReset(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=12s", dummy("d"))
	at := f.Runs("d")
	boots := bootsOf(f, at)
	since, err := f.Host(at).Freeze()
	f.Must(err)
	fenced(f, since, at)
	if bootsOf(f, at) == boots {
		t.Errorf("%s is still frozen, and can go on at any moment", at)
	}
	f.Must(f.Ready(f.Ctx))
	f.Runs("d")
}

func TestHostThatIsHereEndsItselfWhenTheClusterFencesIt(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=12s", dummy("d"))
	boots := bootsOf(f, "web3")
	f.Run("web1", "", "stonith_admin", "--reboot", "web3")
	f.Until(func() error { return unless(bootsOf(f, "web3") > boots, "web3 was not rebooted") })
	f.Must(f.Ready(f.Ctx))
	// Too short a time is refused, and said.
	load(f, "stonith-enabled=true stonith-watchdog-timeout=1s", dummy("d"))
	if out, err := f.Try("web1", "", "stonith_admin", "--reboot", "web3"); err == nil || !strings.Contains(out, "not longer than its watchdog's 4s") {
		t.Errorf("fenced by a watchdog that is slower: %v, %s", err, out)
	}
}

// A host that is back with another daemon is not waited for any longer, whether it was here when the cluster fenced it or lost.
func TestHostThatIsBackIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=1h", dummy("d"))
	since := lab.Now()
	f.Run("web1", "", "stonith_admin", "--reboot", "web3")
	fenced(f, since, "web3")
	f.Must(f.Ready(f.Ctx))
	at := f.Runs("d")
	since, err := f.Host(at).Kill()
	f.Must(err)
	f.Must(f.AwaitEvent(f.Ctx, since, client.ViewAgreed))
	f.Must(f.Host(at).Boot())
	fenced(f, since, at)
	f.Must(f.Ready(f.Ctx))
	f.Runs("d")
}

// SBD_TIMEOUT_ACTION=off: a host without quorum switches itself off before its watchdog resets it. A virtual host that does so is
// started again at once, so its log has to tell.
func TestTimeoutActionEndsAHostAheadOfItsWatchdog(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)}, "SBD_TIMEOUT_ACTION=flush,off")
	load(f, "stonith-enabled=true stonith-watchdog-timeout=12s no-quorum-policy=freeze", dummy("d"))
	at := f.Runs("d")
	since, err := f.Host(at).Cut(lab.AllLinks)
	f.Must(err)
	fenced(f, since, at)
	f.Must(f.Host(at).Heal(lab.AllLinks))
	f.Until(func() error { // its watchdog, which nobody feeds, may have reset it, or not
		status, err := f.Host(at).Status()
		if err == nil && status.State == lab.Off {
			err = f.Host(at).Boot()
		}
		return err
	})
	f.Shows(at, []string{`msg="fencing this host itself" action=off`}, "cat", "/var/log/boot.log")
	f.Must(f.Ready(f.Ctx))
	f.Runs("d")
}

func TestStoppedDaemonIsAsGoodAsAFedWatchdog(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3)})
	load(f, "stonith-enabled=true stonith-watchdog-timeout=12s", dummy("d"))
	boots := bootsOf(f, "web3")
	f.Run("web3", "", "pcs", "cluster", "stop")
	killed := bootsOf(f, "web2")
	since := lab.Now()
	f.Run("web2", "", "pkill", "-KILL", "-f", "holdfast node")
	f.Until(func() error {
		return unless(bootsOf(f, "web2") > killed, "web2's daemon was killed, and the host runs on without it")
	})
	if took := time.Duration(lab.Now() - since); took < time.Second {
		t.Errorf("web2 was reset after %s: not by its watchdog", took)
	}
	f.Must(f.Ready(f.Ctx, "web1", "web2"))
	if bootsOf(f, "web3") != boots {
		t.Error("web3 was reset although it had left")
	}
}

func TestPoisonPillOnASharedDisk(t *testing.T) {
	t.Parallel()
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 2), Disks: 3, Quorum: "\ttwo_node: 1\n"})
	disks := lab.DiskPath(1) + "," + lab.DiskPath(2) + "," + lab.DiskPath(3)
	load(f, "stonith-enabled=true", device("pill", "fence_sbd", "devices="+disks+" pcmk_host_list=web1,web2 pcmk_delay_max=2s"), dummy("d"))
	f.Shows("web1", []string{"web1\tclear", "web2\tclear"}, "sbd", "-d", lab.DiskPath(2), "list")
	if out := f.Run("web2", "", "pcs", "stonith", "sbd", "status", "--full"); !strings.Contains(out, "web1: YES | YES | YES") || !strings.Contains(out, "Timeout (msgwait)  : 8") {
		t.Errorf("pcs tells of sbd:\n%s", out)
	}
	if out := f.Run("web1", "", "pcs", "stonith", "sbd", "config"); strings.Count(out, "SBD_WATCHDOG_TIMEOUT=4") != 2 {
		t.Errorf("pcs tells of its settings:\n%s", out)
	}
	at := f.Runs("d")
	boots := bootsOf(f, "web1") + bootsOf(f, "web2")
	_, err := f.Host(at).Cut(lab.AllLinks)
	f.Must(err)
	f.Until(func() error {
		return unless(bootsOf(f, "web1")+bootsOf(f, "web2") > boots, "nobody was fenced")
	})
	f.Must(f.Host(at).Heal(lab.AllLinks))
	f.Must(f.Ready(f.Ctx))
	f.Runs("d")
}

func TestSBDIsSwitchedOnAndOffOnEveryHost(t *testing.T) {
	t.Parallel()
	f := start(t, 2)
	if out, err := f.Try("web1", "", "pcs", "stonith", "sbd", "enable", "watchdog=/dev/absent"); err == nil || !strings.Contains(out, "/dev/absent") {
		t.Errorf("a watchdog that is not there: %v, %s", err, out)
	}
	out := f.Run("web1", "", "pcs", "stonith", "sbd", "enable", "watchdog="+lab.WatchdogPath, "SBD_WATCHDOG_TIMEOUT=3")
	if !strings.Contains(out, "web2: sbd enabled") {
		t.Errorf("pcs says\n%s", out)
	}
	f.Shows("web2", []string{"SBD_WATCHDOG_DEV=" + lab.WatchdogPath, "SBD_WATCHDOG_TIMEOUT=3"}, "cat", "/etc/holdfast/sbd")
	if out := f.Run("web1", "", "pcs", "stonith", "sbd", "status"); !strings.Contains(out, "web2: YES | YES |  NO") {
		t.Errorf("before a restart:\n%s", out)
	}
	f.Run("web1", "", "pcs", "stonith", "sbd", "disable")
	if out := f.Run("web2", "", "pcs", "stonith", "sbd", "status"); !strings.Contains(out, "web1: YES |  NO |  NO") {
		t.Errorf("switched off:\n%s", out)
	}
}

func TestClusterGluesPluginFencesThroughASharedDisk(t *testing.T) {
	t.Parallel()
	fleettest.Needs(t, "/usr/lib/stonith/plugins/external/sbd")
	f := guarded(t, fleet.Config{Hosts: lab.Names("web", 3), Disks: 1})
	load(f, "stonith-enabled=true", device("pill", "external/sbd", "sbd_device="+lab.DiskPath(1)+" pcmk_host_list=web1,web2,web3"), dummy("d"))
	f.Shows("web1", []string{"web3\tclear"}, "sbd", "-d", lab.DiskPath(1), "list")
	boots := bootsOf(f, "web3")
	f.Run("web1", "", "stonith_admin", "--reboot", "web3")
	if bootsOf(f, "web3") == boots {
		t.Error("web3 was not rebooted although the plugin says so")
	}
	f.Must(f.Ready(f.Ctx))
}
