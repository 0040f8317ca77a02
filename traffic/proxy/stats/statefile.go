package stats

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// HAProxy's bits for a server's administrative state, and its numbers for the operational one (management.txt, `show servers state`).
const (
	forcedMaintenance  = 0x01
	forcedDrain        = 0x08
	withoutAddress     = 0x20
	operationalStopped = 0
	operationalRunning = 2
)

// statesOf are the two numbers of a server.
func statesOf(s *pool.Server) (operation, admin int) {
	operation = operationalRunning
	if !s.Up() || s.Unresolved() || s.Admin() == pool.Maintenance {
		operation = operationalStopped
	}
	switch s.Admin() {
	case pool.Maintenance:
		admin = forcedMaintenance
	case pool.Drain:
		admin = forcedDrain
	}
	if s.Unresolved() {
		admin |= withoutAddress
	}
	return operation, admin
}

// Restore gives servers the state that a state file has for them: what an administrator made of them, whether they were up, and the
// addresses of those that are named. A server that the configuration has changed keeps what the configuration says. The
// errors tell of files that are of no use; nothing else is lost by them.
func Restore(c *config.Config, backends map[string]*pool.Backend, read func(name string) ([]byte, error), now time.Time) []error {
	var problems []error
	known := map[string]map[[2]string][]string{} // of each file: fields by backend and server
	for _, b := range inOrder(backends) {
		name := stateFile(c, b.Proxy)
		if name == "" {
			continue
		}
		if _, done := known[name]; !done {
			text, err := read(name)
			if err == nil {
				known[name], err = parseState(string(text))
			}
			if err != nil {
				known[name] = nil
				problems = append(problems, fmt.Errorf("state file %s: %w; its servers begin as configured", name, err))
			}
		}
		for _, s := range b.Servers() {
			if fields := known[name][[2]string{b.Name, s.Server.Name}]; fields != nil {
				restore(s, fields, now)
			}
		}
	}
	return problems
}

// stateFile is where a backend's servers have their state from; "" for none.
func stateFile(c *config.Config, p *config.Proxy) string {
	name := ""
	switch p.LoadState {
	case "global":
		name = c.Global.StateFile
	case "local":
		if name = p.StateFile; name == "" || name == "use-backend-name" {
			name = p.Name
		}
	}
	if name == "" || path.IsAbs(name) {
		return name
	}
	return path.Join(c.Global.StateBase, name)
}

// stateFields is how many fields a line of version 1 has at least.
const stateFields = 19

func parseState(text string) (map[[2]string][]string, error) {
	lines := strings.Split(text, "\n")
	if strings.TrimSpace(lines[0]) != "1" {
		return nil, fmt.Errorf("line 1: the version is %q, want 1", strings.TrimSpace(lines[0]))
	}
	all := map[[2]string][]string{}
	for i, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if len(fields) < stateFields {
			return nil, fmt.Errorf("line %d: %d fields, want at least %d", i+2, len(fields), stateFields)
		}
		for _, at := range []int{5, 6, 7, 8, 18} {
			if _, err := strconv.ParseUint(fields[at], 10, 16); err != nil {
				return nil, fmt.Errorf("line %d: field %d is %q, want a number", i+2, at+1, fields[at])
			}
		}
		all[[2]string{fields[1], fields[3]}] = fields
	}
	return all, nil
}

func restore(s *pool.Server, fields []string, now time.Time) {
	number := func(at int) int {
		n, _ := strconv.Atoi(fields[at]) // parseState has seen to it
		return n
	}
	admin := pool.Ready
	switch bits := number(6); {
	case bits&forcedMaintenance != 0:
		admin = pool.Maintenance
	case bits&forcedDrain != 0:
		admin = pool.Drain
	}
	// A server that the configuration disables, or whose weight it changed, is as it says there.
	if !s.Disabled {
		s.SetAdmin(admin, now)
	}
	if number(8) == s.Server.Weight {
		s.SetWeight(number(7))
	}
	if s.Check && number(5) == operationalStopped && number(6) == 0 {
		s.Restore(false)
	}
	address, err := netip.ParseAddr(fields[4])
	_, literal := netip.ParseAddr(s.Host)
	if err == nil && literal != nil && s.Path == "" && takesLast(s.InitAddr) {
		s.SetAddress(netip.AddrPortFrom(address, uint16(number(18))))
		s.SetUnresolved(false, now)
	}
}

func takesLast(ways []string) bool { return len(ways) == 0 || slices.Contains(ways, "last") }
