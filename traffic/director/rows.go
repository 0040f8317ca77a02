package director

import (
	"fmt"
	"strings"

	"holdfast/traffic/director/plane"
)

// rated is what a row can be sorted by.
type rated struct {
	active uint64
	rates  plane.Counters
}

func (one ServiceStatus) row() rated {
	r := rated{rates: one.Rates}
	for _, server := range one.Servers {
		r.active += uint64(server.Active)
	}
	return r
}

func (server ServerStatus) row() rated {
	return rated{uint64(server.Active), server.Rates}
}

// addressWidth is that of the first columns on a terminal of 80: an IPv4 address with its port, and most of IPv6.
const addressWidth = 24

func (s *screen) head() string {
	return fmt.Sprintf("%-*s %-6s %6s%s", addressWidth+4, "service, servers", "by", "weight", figures("active", "conn/s", "pkt/s", "inB/s", "outB/s"))
}

func figures(all ...any) string {
	return fmt.Sprintf("%7s%7s%7s%7s%8s", all...)
}

func (r rated) figures() string {
	return figures(few(r.active), few(r.rates.Connections), few(r.rates.InPackets), few(r.rates.InBytes), few(r.rates.OutBytes))
}

// body is the lines of services, servers, checks and watches, as they are to be sorted and chosen.
func (s *screen) body() []line {
	var all []line
	for _, one := range ordered(s.status.Services, s.order, ServiceStatus.row) {
		all = append(all, s.service(one)...)
	}
	for _, one := range s.status.Watches {
		state, colour := "well", plain
		switch {
		case !one.Asked:
			state = "not asked yet"
		case one.Failing:
			state, colour = fmt.Sprintf("FAILS for %s: %s", s.since(one.Since), one.Summary), red
		case s.onlyOut:
			continue
		}
		if text := fmt.Sprintf("watch %s %s: %s", one.Group, one.Service, state); s.fits(text) {
			all = append(all, line{text, colour})
		}
	}
	return all
}

// fits tells whether a text has the words that are looked for.
func (s *screen) fits(text string) bool {
	for word := range strings.FieldsSeq(strings.ToLower(s.words)) {
		if !strings.Contains(strings.ToLower(text), word) {
			return false
		}
	}
	return true
}

// service is the lines of a service: of all its servers if it is what is looked for, else of those that are.
func (s *screen) service(one ServiceStatus) []line {
	name := one.Service.String()
	if one.Name != "" {
		name += " " + one.Name
	}
	top := line{fmt.Sprintf("%-*s", addressWidth+18, name) + one.row().figures(), bold}
	if !one.Quorate {
		top = line{name + "  TOO FEW SERVERS", red}
	}
	all := []line{top}
	for _, server := range ordered(one.Servers, s.order, ServerStatus.row) {
		if s.onlyOut && server.In || !s.fits(name+" "+server.Server.Address.String()+" "+server.Why) {
			continue
		}
		all = append(all, s.server(server)...)
	}
	if len(all) == 1 && (s.onlyOut || !s.fits(name)) {
		return nil
	}
	return all
}

// server is a line, and one for each check if they are wanted. One that is out says why at once: its rates say nothing.
func (s *screen) server(one ServerStatus) []line {
	state, colour := "in ", plain
	if one.Server.Weight == 0 {
		colour = yellow
	}
	if !one.In {
		state, colour = "OUT", red
	}
	text := fmt.Sprintf("%s %-*s %-6s %6d", state, addressWidth, one.Server.Address, one.Server.Forward, one.Server.Weight)
	switch {
	case one.In:
		text += one.row().figures()
	case one.Active > 0:
		text += fmt.Sprintf("%7s  %s", few(uint64(one.Active)), one.reason(one.Why))
	default:
		text += "  " + one.reason(one.Why)
	}
	all := []line{{text, colour}}
	if !s.checks {
		return all
	}
	for _, check := range one.Asked {
		verdict, colour := "not answered yet", plain
		switch {
		case check.Passed:
			verdict = "passes for " + s.since(check.Since)
		case !check.Since.IsZero():
			verdict, colour = fmt.Sprintf("fails for %s: %s", s.since(check.Since), one.reason(check.Why)), red
		}
		all = append(all, line{fmt.Sprintf("      %s every %s: %s", check.Protocol, check.Interval, verdict), colour})
	}
	return all
}

// reason is why a server is out without its address, which stands before it.
func (server ServerStatus) reason(why string) string {
	address := server.Server.Address.String() + ": "
	if i := strings.LastIndex(why, address); i >= 0 {
		return why[i+len(address):]
	}
	return why
}

// few writes a number in few letters.
func few(n uint64) string {
	for _, unit := range []string{"", "K", "M", "G"} {
		if n < 10_000 {
			return fmt.Sprint(n) + unit
		}
		n /= 1000
	}
	return fmt.Sprint(n) + "T"
}
