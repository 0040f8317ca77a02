package sbd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/fencing/watchdog"
)

// MaxDisks is how many disks a host may watch.
const MaxDisks = 3

// Settings are what a host's sbd file says.
type Settings struct {
	Path     string   // of the file
	Disks    []string // SBD_DEVICE
	Watchdog string   // SBD_WATCHDOG_DEV; "" none
	Timeout  time.Duration
	Clean    bool // SBD_STARTMODE=clean: do not start after having been fenced
	// DelayStart is waited before a host starts, so that nobody who fenced it still waits for its death.
	DelayStart time.Duration
	Action     string // SBD_TIMEOUT_ACTION's last part: reboot, off or crashdump
	Values     []Value
}

// Value is one assignment of the file, in its order.
type Value struct{ Name, Value string }

// OwnFile is where Holdfast's own settings are, below the root; that it is there switches sbd on.
const OwnFile = "etc/holdfast/sbd"

// SwitchedOff is the text of Holdfast's own file by which sbd is off, whatever the package's says.
const SwitchedOff = "HOLDFAST_SBD=no\n"

// foreignFiles are the sbd package's, which count when its unit is enabled and they name a disk, or
// a watchdog that there is.
var foreignFiles = []string{"etc/default/sbd", "etc/sysconfig/sbd"}

// Load finds a host's settings below root: nil when sbd is not switched on there.
func Load(root string) (*Settings, error) {
	own := filepath.Join(root, OwnFile)
	text, err := os.ReadFile(own)
	if err == nil && string(text) == SwitchedOff {
		return nil, nil
	}
	if err == nil {
		return Parse(own, string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read sbd's settings: %w", err)
	}
	enabled := false
	for _, pattern := range []string{"etc/systemd/system/*.requires/sbd.service", "etc/systemd/system/*.wants/sbd.service"} {
		links, _ := filepath.Glob(filepath.Join(root, pattern))
		enabled = enabled || len(links) > 0
	}
	if !enabled {
		return nil, nil
	}
	for _, name := range foreignFiles {
		path := filepath.Join(root, name)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read sbd's settings: %w", err)
		}
		s, err := Parse(path, string(text))
		if err != nil || len(s.Disks) > 0 {
			return s, err
		}
		// Installing the package enables its unit. Without a disk or a watchdog that means nothing.
		if _, err := os.Stat(filepath.Join(root, s.Watchdog)); err != nil {
			return nil, nil
		}
		return s, nil
	}
	return nil, nil
}

// Parse reads the text of a file of shell assignments. Names that it does not know are kept in
// Values and otherwise let pass.
func Parse(path, text string) (*Settings, error) {
	s := &Settings{Path: path, Watchdog: watchdog.DefaultPath, Timeout: watchdog.DefaultTimeout, Action: "reboot"}
	var wrong error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok || strings.ContainsAny(name, " \t") {
			wrong = errors.Join(wrong, fmt.Errorf("%s:%d: %q: expected NAME=VALUE", path, number, line))
			continue
		}
		value = unquote(value)
		s.Values = append(s.Values, Value{name, value})
		if err := s.set(name, value); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s:%d: %s=%s: %w", path, number, name, value, err))
		}
	}
	if s.DelayStart < 0 {
		s.DelayStart = 2 * s.Timeout // as a disk's default msgwait
	}
	return s, wrong
}

// unquote takes a shell's quotes off.
func unquote(value string) string {
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		return value[1 : len(value)-1]
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}

func (s *Settings) set(name, value string) error {
	switch name {
	case "SBD_DEVICE":
		s.Disks = strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == ' ' })
		if len(s.Disks) > MaxDisks {
			return fmt.Errorf("expected at most %d disks", MaxDisks)
		}
	case "SBD_WATCHDOG_DEV":
		s.Watchdog = value
		if slices.Contains([]string{"/dev/null", "none"}, value) {
			s.Watchdog = ""
		}
	case "SBD_WATCHDOG_TIMEOUT":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 3600 {
			return errors.New("expected seconds, 1 to 3600")
		}
		s.Timeout = time.Duration(n) * time.Second
	case "SBD_STARTMODE":
		if value != "always" && value != "clean" {
			return errors.New("expected always or clean")
		}
		s.Clean = value == "clean"
	case "SBD_DELAY_START":
		return s.delay(value)
	case "SBD_TIMEOUT_ACTION":
		parts := strings.Split(value, ",")
		if s.Action = parts[len(parts)-1]; !slices.Contains([]string{"reboot", "off", "crashdump"}, s.Action) {
			return errors.New("expected flush or noflush, and reboot, off or crashdump")
		}
	}
	return nil
}

func (s *Settings) delay(value string) error {
	switch strings.ToLower(value) {
	case "yes", "1", "y", "on", "true":
		s.DelayStart = -1
		return nil
	case "", "no", "0", "n", "off", "false":
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 3600 {
		return errors.New("expected yes, no or seconds")
	}
	s.DelayStart = time.Duration(n) * time.Second
	return nil
}
