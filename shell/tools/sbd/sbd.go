// Package sbd is the sbd command: it makes, shows and writes the disks on which hosts tell each other
// to die. The daemon does the watching; 'sbd watch' says so. It starts no goroutine.
package sbd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	disk "holdfast/cluster/fencing/sbd"
	"holdfast/cluster/fencing/watchdog"
	"holdfast/cluster/node/client"
)

const usage = `Usage: sbd [-d DISK]... [OPTION]... COMMAND

Disks on which hosts tell each other to die (storage-based death). Hosts that share
up to three of them can fence each other without a network.

Commands:
  create                  makes DISK an sbd disk; what is on it is lost
  list                    shows the hosts and what is in their mailboxes
  dump                    shows the description of DISK
  allocate HOST           gives HOST a slot
  message HOST MESSAGE    test, reset, off, crashdump, exit or clear; reset, off and
                          crashdump return when HOST is certainly dead (msgwait)
  query-watchdog          lists this machine's watchdogs
  test-watchdog           resets this machine by its watchdog
  watch                   not needed: holdfast node watches

Options:
  -d DISK   up to three times, or once with ; between the disks; else SBD_DEVICE's
  -n NAME   this host's name (uname -n)
  -1 N      create: watchdog time in seconds (5)
  -2 N      create: slot allocation time (2)
  -3 N      create: time between two looks (1)
  -4 N      create: msgwait, after which a message counts as obeyed (twice the watchdog time)
  -w PATH   test-watchdog: the watchdog
  -h        shows this
Other options of the sbd program are accepted and do nothing.

Examples:
  sbd -d /dev/disk/by-id/scsi-1 -1 10 -4 20 create
  sbd -d /dev/disk/by-id/scsi-1 message bob test
`

// call is one call of the command.
type call struct {
	disks          []string
	name, watchdog string
	timeouts       disk.Timeouts
	msgwaitGiven   bool
	words          []string
	stdout, stderr io.Writer
	wait           func(time.Duration)
}

// errUsage makes the command show how it is used.
var errUsage = errors.New("no such command")

// SBD is sbd. It answers 0, or 1 when something failed.
func SBD(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	c := &call{timeouts: disk.DefaultTimeouts, stdout: stdout, stderr: stderr, wait: time.Sleep}
	c.name, _ = os.Hostname()
	help, err := c.parse(args)
	if help {
		io.WriteString(stdout, usage)
		return 0
	}
	if err == nil {
		err = c.run()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "sbd: %v\n", err)
	if errors.Is(err, errUsage) {
		io.WriteString(stderr, usage)
	}
	return 1
}

// parse reads the options. Those with a value take it from the next word or from their own rest.
func (c *call) parse(args []string) (help bool, err error) {
	const withValue, flags = "dnwSptFsCIr12345", "RWTvPZchD"
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if len(word) < 2 || word[0] != '-' {
			c.words = append(c.words, word)
			continue
		}
		letter, value := word[1], word[2:]
		switch {
		case strings.IndexByte(withValue, letter) >= 0:
			if value == "" {
				if len(args) == 0 {
					return false, fmt.Errorf("option -%c needs a value", letter)
				}
				value, args = args[0], args[1:]
			}
			if err := c.option(letter, value); err != nil {
				return false, err
			}
		case letter == 'h':
			return true, nil
		case strings.IndexByte(flags, letter) < 0:
			return false, fmt.Errorf("option -%c is not known; 'sbd -h' lists them", letter)
		}
	}
	if !c.msgwaitGiven {
		c.timeouts.MsgWait = 2 * c.timeouts.Watchdog
	}
	return false, nil
}

func (c *call) option(letter byte, value string) error {
	switch letter {
	case 'd':
		c.disks = append(c.disks, strings.FieldsFunc(value, func(r rune) bool { return r == ';' })...)
	case 'n':
		c.name = value
	case 'w':
		c.watchdog = value
	case '1', '2', '3', '4':
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 86400 {
			return fmt.Errorf("-%c %s: expected seconds, 1 to 86400", letter, value)
		}
		span := time.Duration(n) * time.Second
		*map[byte]*time.Duration{'1': &c.timeouts.Watchdog, '2': &c.timeouts.Allocate, '3': &c.timeouts.Loop, '4': &c.timeouts.MsgWait}[letter] = span
		c.msgwaitGiven = c.msgwaitGiven || letter == '4'
	}
	return nil
}

func (c *call) run() error {
	if len(c.words) == 0 {
		return fmt.Errorf("%w: say what to do", errUsage)
	}
	arguments := map[string]int{"allocate": 1, "message": 2}[c.words[0]]
	if len(c.words) < 1+arguments { // more are let pass: fence_sbd adds one
		return fmt.Errorf("%w: %s takes %d words", errUsage, c.words[0], arguments)
	}
	switch c.words[0] {
	case "query-watchdog":
		return c.queryWatchdog()
	case "test-watchdog":
		return c.testWatchdog()
	case "watch":
		return errors.New("holdfast node watches the disks and feeds the watchdog by itself; disable sbd.service, and see 'pcs stonith sbd status'")
	}
	action, ok := map[string]func(string) error{
		"create": c.create, "list": c.list, "dump": c.dump, "allocate": c.allocate, "message": c.message,
	}[c.words[0]]
	if !ok {
		return fmt.Errorf("%w: %q", errUsage, c.words[0])
	}
	if err := c.findDisks(); err != nil {
		return err
	}
	return c.each(action)
}

// findDisks takes those of the settings when none are given.
func (c *call) findDisks() error {
	if len(c.disks) == 0 {
		settings, err := disk.Load(client.Root(""))
		if err != nil {
			return err
		}
		if settings != nil {
			c.disks = settings.Disks
		}
	}
	if len(c.disks) == 0 || len(c.disks) > disk.MaxDisks {
		return fmt.Errorf("%d disks: -d DISK names one to %d", len(c.disks), disk.MaxDisks)
	}
	return nil
}

// each does an action on every disk. A message has to reach more than half of them to count; anything
// else has to work on all.
func (c *call) each(action func(path string) error) error {
	var failed []error
	for _, path := range c.disks {
		if err := action(path); err != nil {
			failed = append(failed, err)
		}
	}
	if c.words[0] != "message" {
		return errors.Join(failed...)
	}
	if 2*(len(c.disks)-len(failed)) <= len(c.disks) {
		return fmt.Errorf("the message reached %d of %d disks, too few to count: %w", len(c.disks)-len(failed), len(c.disks), errors.Join(failed...))
	}
	for _, err := range failed {
		fmt.Fprintf(c.stderr, "sbd: %v\n", err)
	}
	return c.obeyed()
}

// obeyed waits until a message that kills has killed.
func (c *call) obeyed() error {
	m, err := disk.ParseMessage(c.words[2])
	if err != nil || !m.Fatal() {
		return err
	}
	longest := time.Duration(0)
	for _, path := range c.disks {
		if d, err := disk.Open(path); err == nil {
			longest = max(longest, d.Header.MsgWait)
			d.Close()
		}
	}
	c.wait(longest)
	return nil
}

func (c *call) create(path string) error {
	for _, wrong := range c.timeouts.Check() {
		fmt.Fprintf(c.stderr, "sbd: %s: %s\n", path, wrong)
	}
	fmt.Fprintf(c.stdout, "Initializing device %s\n", path)
	d, err := disk.Create(path, c.timeouts)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "Device %s is initialized (uuid: %s, %d slots).\n", path, d.Header.ID(), d.Header.Slots)
	return d.Close()
}

func (c *call) list(path string) error {
	d, err := disk.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	slots, err := d.Slots()
	for _, s := range slots {
		fmt.Fprintf(c.stdout, "%d\t%s\t%s\t%s\n", s.Index, s.Host, s.Message, s.From)
	}
	return err
}

func (c *call) dump(path string) error {
	fmt.Fprintf(c.stdout, "==Dumping header on disk %s\n", path)
	d, err := disk.Open(path)
	if err != nil {
		fmt.Fprintf(c.stdout, "==Header on disk %s NOT dumped\n", path)
		return err
	}
	defer d.Close()
	h := d.Header
	fmt.Fprintf(c.stdout, "Header version     : 2.%d\nUUID               : %s\nNumber of slots    : %d\nSector size        : %d\n", h.Minor, h.ID(), h.Slots, h.SectorSize)
	for _, t := range []struct {
		name string
		span time.Duration
	}{{"watchdog", h.Watchdog}, {"allocate", h.Allocate}, {"loop", h.Loop}, {"msgwait", h.MsgWait}} {
		fmt.Fprintf(c.stdout, "%-18s : %d\n", "Timeout ("+t.name+")", int(t.span.Seconds()))
	}
	fmt.Fprintf(c.stdout, "==Header on disk %s is dumped\n", path)
	return nil
}

func (c *call) allocate(path string) error {
	d, err := disk.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	slot, err := d.Allocate(c.words[1], c.wait)
	if err == nil {
		fmt.Fprintf(c.stdout, "%s has slot %d on %s\n", c.words[1], slot.Index, path)
	}
	return err
}

func (c *call) message(path string) error {
	m, err := disk.ParseMessage(c.words[2])
	if err != nil {
		return err
	}
	d, err := disk.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	target := c.words[1]
	if target == "LOCAL" {
		target = c.name
	}
	return d.Send(target, m, c.name)
}

func (c *call) queryWatchdog() error {
	found := watchdog.List("/")
	fmt.Fprintf(c.stdout, "\nDiscovered %d watchdog devices:\n", len(found))
	for i, w := range found {
		fmt.Fprintf(c.stdout, "\n[%d] %s\nIdentity: %s\n", i+1, w.Path, w.Identity)
		if w.NoWayOut {
			fmt.Fprintln(c.stdout, "Once opened it cannot be disarmed.")
		}
		if w.Busy {
			fmt.Fprintln(c.stdout, "It is in use.")
		}
	}
	return nil
}

// testWatchdog arms the watchdog and lets it bite.
func (c *call) testWatchdog() error {
	d, err := watchdog.Open(c.watchdog, 15*time.Second)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "this machine is reset within %s if its watchdog works\n", d.Timeout())
	c.wait(2 * d.Timeout())
	return errors.Join(errors.New("this machine still runs: its watchdog does not work"), d.Disarm())
}
