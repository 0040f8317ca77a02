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
	forcedMaintenance     = 0x01
	inheritedMaintenance  = 0x02
	configuredMaintenance = 0x04
	forcedDrain           = 0x08
	inheritedDrain        = 0x10
	withoutAddress        = 0x20
	operationalStopped    = 0
	operationalRunning    = 2
	operationalStopping   = 3
)

// The bits of a check's and of an agent's state.
const (
	askedConfigured = 0x02
	askedEnabled    = 0x04
	askedPaused     = 0x08
	askedAgent      = 0x10
)

// The numbers of what a check came to.
const (
	resultUnknown     = 0
	resultFailed      = 2
	resultPassed      = 3
	resultConditional = 4
)

// checkStatuses are the letters of checks' results by HAProxy's numbers, from 1, which is that there was none yet.
var checkStatuses = []string{"", "", "", "", "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "",
	"L7OK", "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK"}

const noCheckYet = 1

// statesOf are the two numbers of a server.
func statesOf(s *pool.Server) (operation, admin int) {
	operation = operationalRunning
	switch {
	case !s.Alive():
		operation = operationalStopped
	case s.Leader().Stopping():
		operation = operationalStopping
	}
	switch s.OwnAdmin() {
	case pool.Maintenance:
		admin = forcedMaintenance
	case pool.Drain:
		admin = forcedDrain
	}
	if s.Leader() != s {
		switch s.Leader().Admin() {
		case pool.Maintenance:
			admin |= inheritedMaintenance
		case pool.Drain:
			admin |= inheritedDrain
		}
	}
	if s.Disabled {
		admin |= configuredMaintenance
	}
	if s.Unresolved() {
		admin |= withoutAddress
	}
	return operation, admin
}

// stateHeader begins a file of states: version 1.
const stateHeader = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change" +
	" srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n"

// stateLine is a server's line in a file of states.
func stateLine(s *pool.Server, weight int, now time.Time) string {
	operation, admin := statesOf(s)
	address, secured, forced, name := "-", 0, 0, "-"
	if a := s.Address().Addr(); a.IsValid() {
		address = a.String()
	}
	if _, err := netip.ParseAddr(s.FQDN()); err != nil && s.Path == "" {
		name = s.FQDN()
	}
	if s.Security() != nil {
		secured = 1
	}
	if s.Server.ID > 0 {
		forced = 1
	}
	h := s.Health(now)
	asking := s.Asking()
	return fmt.Sprintf("%d %s %d %s %s %d %d %d %d %d %s 0 %d %s %d - %d %d %s %s %d\n", s.Backend.ID, s.Backend.Name, s.Number, s.Server.Name,
		address, operation, admin, weight, s.Server.Weight, int(now.Sub(h.Change).Seconds()), checkNumbers(s, &h), forced, name,
		s.Address().Port(), secured, asking.Check.Port(), addressOrNone(asking.Check), addressOrNone(asking.Agent), asking.Agent.Port())
}

func addressOrNone(a netip.AddrPort) string {
	if !a.Addr().IsValid() {
		return "-"
	}
	return a.Addr().String()
}

// checkNumbers are srv_check_status, its result, its health and its state, and srv_agent_state.
func checkNumbers(s *pool.Server, h *pool.Health) string {
	status, result, level := noCheckYet, resultUnknown, h.Level
	if at := slices.Index(checkStatuses, h.Check.Status); s.Server.Check && h.Check.Status != "" && at > 0 {
		status = at
		switch {
		case h.Check.Conditional:
			result = resultConditional
		case h.Check.Passed:
			result = resultPassed
		default:
			result = resultFailed
		}
	} else if s.Disabled || s.Unresolved() {
		level = 0
	}
	check, agent := 0, 0
	if s.Server.Check {
		check = askedConfigured | askedEnabled
	}
	if s.ChecksRest() {
		check &^= askedEnabled
	}
	if s.Agent {
		agent = askedConfigured | askedEnabled | askedAgent
	}
	if s.AgentRests() {
		agent &^= askedEnabled
	}
	if s.OwnAdmin() == pool.Maintenance {
		check |= askedPaused
	}
	return fmt.Sprintf("%d %d %d %d %d", status, result, level, check, agent)
}

// Restore gives servers the state that a state file has for them: what an administrator made of them, what their checks had found, and the
// addresses of those that are named. Where the process was given a file of its own, what that has goes first, for any
// backend. A server that the configuration has changed keeps what the configuration says. The
// errors tell of files that are of no use; nothing else is lost by them.
func Restore(c *config.Config, backends map[string]*pool.Backend, read func(name string) ([]byte, error), now time.Time) []error {
	var problems []error
	known := map[string]map[[2]string][]string{} // of each file: fields by backend and server
	states := func(name string) map[[2]string][]string {
		if _, done := known[name]; !done && name != "" {
			text, err := read(name)
			if err == nil {
				known[name], err = parseState(string(text))
			}
			if err != nil {
				known[name] = nil
				problems = append(problems, fmt.Errorf("state file %s: %w; its servers begin as configured", name, err))
			}
		}
		return known[name]
	}
	for _, b := range inOrder(backends) {
		first, second := states(c.Global.States), states(stateFile(c, b.Proxy))
		if len(first) == 0 && len(second) == 0 {
			continue
		}
		for _, s := range b.Servers() {
			key := [2]string{b.Name, s.Server.Name}
			fields := first[key]
			if fields == nil {
				fields = second[key]
			}
			if fields != nil {
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
		for _, at := range []int{5, 6, 7, 8, 9, 10, 11, 12, 18} {
			if _, err := strconv.ParseUint(fields[at], 10, 31); err != nil {
				return nil, fmt.Errorf("line %d: field %d is %q, want a number", i+2, at+1, fields[at])
			}
		}
		if port, _ := strconv.Atoi(fields[18]); port > 1<<16-1 {
			return nil, fmt.Errorf("line %d: field 19 is %q, want a port", i+2, fields[18])
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
	// A server that the configuration has since disabled or enabled, or whose weight it changed, is as it says there.
	if s.Disabled == (number(6)&configuredMaintenance != 0) {
		s.SetAdmin(admin, now)
	}
	if number(8) == s.Server.Weight {
		s.SetWeight(number(7))
	}
	if s.Check && admin != pool.Maintenance { // in maintenance nothing asked it
		s.Restore(verdictOf(number, now))
	}
	address, err := netip.ParseAddr(fields[4])
	_, literal := netip.ParseAddr(s.Host)
	if err == nil && literal != nil && s.Path == "" && takesLast(s.InitAddr) {
		s.SetAddress(netip.AddrPortFrom(address, uint16(number(18))))
		s.SetUnresolved(false, now)
	}
}

// verdictOf is what the checks of a line's writer had found.
func verdictOf(number func(at int) int, now time.Time) pool.Verdict {
	v := pool.Verdict{Up: number(5) != operationalStopped, Level: number(12), Since: now.Add(-time.Duration(number(9)) * time.Second),
		Result: pool.Result{Passed: number(11) == resultPassed, Conditional: number(11) == resultConditional, Code: -1}}
	if at := number(10); at < len(checkStatuses) {
		v.Result.Status = checkStatuses[at]
	}
	return v
}

func takesLast(ways []string) bool { return len(ways) == 0 || slices.Contains(ways, "last") }
