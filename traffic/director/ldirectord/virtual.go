package ldirectord

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/table"
)

// virtual is what is read of a virtual service before it is compiled.
type virtual struct {
	r        *reader
	head     line
	settings settings
	is6      bool
	service  config.Service
	key      table.Key
	protocol string
	reals    []line
	question question
	comment  string
}

var locals = func() map[string]func(*virtual, line) error {
	all := shared(func(v *virtual) *settings { return &v.settings }, func(v *virtual, l line) { v.r.unheeded(l) })
	for _, name := range []string{"real", "real6"} {
		all[name] = func(v *virtual, l line) error { v.reals = append(v.reals, l); return nil }
	}
	text := func(set func(*virtual, string)) func(*virtual, line) error {
		return func(v *virtual, l line) error { set(v, unquoted(l.value)); return nil }
	}
	all["checktype"] = func(v *virtual, l line) error { return v.question.setType(l) }
	all["service"] = func(v *virtual, l line) error { return v.question.setService(l) }
	all["checkcommand"] = text(func(v *virtual, s string) { v.question.command = strings.Fields(s) })
	all["checkport"] = func(v *virtual, l line) error {
		n, err := strconv.ParseUint(l.value, 10, 16)
		if err != nil || n == 0 {
			return l.errorf("%q: want a port from 1 to 65535", l.value)
		}
		v.question.port = uint16(n)
		return nil
	}
	all["request"] = text(func(v *virtual, s string) { v.question.request = s })
	all["receive"] = func(v *virtual, l line) error {
		v.question.receive, v.question.receiveAt = unquoted(l.value), l
		return nil
	}
	all["httpmethod"] = func(v *virtual, l line) error {
		if v.question.method = strings.ToUpper(l.value); v.question.method != "GET" && v.question.method != "HEAD" {
			return l.errorf("%q: want GET or HEAD", l.value)
		}
		return nil
	}
	all["virtualhost"] = text(func(v *virtual, s string) { v.question.host = s })
	all["login"] = text(func(v *virtual, s string) { v.question.login.User = s })
	all["passwd"] = text(func(v *virtual, s string) { v.question.login.Password = s })
	all["secret"] = text(func(v *virtual, s string) { v.question.login.Secret = s })
	all["database"] = text(func(v *virtual, s string) { v.question.database = s })
	all["scheduler"] = func(v *virtual, l line) error {
		if !slices.Contains(table.Schedulers, l.value) {
			return l.errorf("%q: want one of %s", l.value, strings.Join(table.Schedulers, ", "))
		}
		v.service.Table.Scheduler = l.value
		return nil
	}
	all["persistent"] = func(v *virtual, l line) error {
		n, err := strconv.Atoi(l.value)
		if err != nil || n < 1 {
			return l.errorf("%q: want seconds, at least 1", l.value)
		}
		v.service.Table.Persist = time.Duration(n) * time.Second
		return nil
	}
	all["netmask"] = func(v *virtual, l line) error { return v.netmask(l) }
	all["protocol"] = func(v *virtual, l line) error { v.protocol = l.value; return v.setProtocol(l) }
	all["ops"] = yes(func(v *virtual, on bool) {
		if on {
			v.service.Table.Flags |= table.OnePacket
		}
	})
	all["servicename"] = text(func(v *virtual, s string) { v.service.Name = s })
	all["comment"] = text(func(v *virtual, s string) { v.comment = s })
	return all
}()

func (v *virtual) netmask(l line) error {
	if n, err := strconv.Atoi(l.value); err == nil && n >= 1 && n <= 128 {
		v.service.Table.Netmask = n
		return nil
	}
	a, err := netip.ParseAddr(l.value)
	if err == nil && a.Is4() {
		b := a.As4()
		bits := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		n := 0
		for mask := bits; mask&(1<<31) != 0; mask <<= 1 {
			n++
		}
		if n > 0 && bits == ^uint32(0)<<(32-n) {
			v.service.Table.Netmask = n
			return nil
		}
	}
	return l.errorf("%q: want a netmask as 255.255.255.0, or the length of a prefix", l.value)
}

// setProtocol checks the protocol against the kind of the service.
func (v *virtual) setProtocol(l line) error {
	switch {
	case v.protocol == "fwm" && v.key.Mark != 0:
	case v.key.Mark != 0:
		return l.errorf("%q: a firewall mark's is fwm", v.protocol)
	case v.protocol == "tcp":
		v.key.Protocol = table.TCP
	case v.protocol == "udp":
		v.key.Protocol = table.UDP
	default:
		return l.errorf("%q: want tcp or udp", v.protocol)
	}
	return nil
}

// virtual compiles a block.
func (r *reader) virtual(b block) error {
	v := &virtual{r: r, head: b.head, settings: r.global, is6: b.head.name == "virtual6"}
	v.service = config.Service{At: b.head.at.String(), Table: table.Service{Scheduler: "wrr"}}
	if err := v.setKey(); err != nil {
		return err
	}
	for _, l := range b.lines {
		if err := read(locals, v, l, "in a virtual"); err != nil {
			return err
		}
	}
	v.service.Keys = []table.Key{v.key}
	v.service.Keep = !v.settings.cleans
	v.service.FallbackProgram = v.settings.fallbackCommand
	if len(v.settings.mailTo) > 0 && !v.settings.noMail {
		v.service.Mail = &config.Mail{
			To: v.settings.mailTo, From: v.settings.mailFrom, Server: v.settings.mailServer, Again: v.settings.mailAgain,
			Name: v.service.Name, Note: v.comment,
		}
	}
	if err := v.question.settle(v); err != nil {
		return err
	}
	if err := v.setFallback(); err != nil {
		return err
	}
	for _, l := range v.reals {
		if err := v.real(l); err != nil {
			return err
		}
	}
	r.config.Services = append(r.config.Services, v.service)
	return nil
}

func (v *virtual) setKey() error {
	text := v.head.value
	if mark, err := strconv.ParseUint(text, 10, 32); err == nil {
		if mark == 0 {
			return v.head.errorf("a firewall mark is at least 1")
		}
		v.key = table.Key{Mark: uint32(mark), IPv6: v.is6}
		return nil
	}
	protocol := table.TCP
	if strings.HasSuffix(text, ":53") || strings.HasSuffix(text, ":domain") {
		protocol = table.UDP
	}
	a, err := config.HostPort(v.r.names, text, protocol, v.is6)
	if err != nil {
		return v.head.errorf("%w", err)
	}
	v.key = table.Key{Protocol: protocol, Address: a}
	return nil
}

// port is a real server's: that of the service, unless it is reached by NAT.
func (v *virtual) port(a netip.AddrPort, f table.Forward) netip.AddrPort {
	if v.key.Mark == 0 && (f != table.NAT || a.Port() == 0) {
		return netip.AddrPortFrom(a.Addr(), v.key.Address.Port())
	}
	return a
}

func (v *virtual) setFallback() error {
	l := v.settings.fallback
	if v.key.Is6() {
		l = v.settings.fallback6
	}
	if l == nil {
		return nil
	}
	words := strings.Fields(l.value)
	forward := table.Direct
	if len(words) == 2 {
		f, ok := way(words[1])
		if !ok {
			return l.errorf("%q: want gate, masq or ipip", words[1])
		}
		forward = f
	}
	if len(words) < 1 || len(words) > 2 {
		return l.errorf("%q: want ADDRESS[:PORT] [gate|masq|ipip]", l.value)
	}
	a, err := config.HostPort(v.r.names, words[0], v.key.Protocol, v.key.Is6())
	if err != nil {
		return l.errorf("%w", err)
	}
	v.service.Fallback = &table.Server{Address: v.port(a, forward), Weight: 1, Forward: forward}
	v.service.FallbackDrains = v.settings.drains
	return nil
}

// real reads ADDRESS[->ADDRESS][:PORT] WAY [WEIGHT] ["REQUEST", "RECEIVE"] ["<l:N>"] ["<u:N>"].
func (v *virtual) real(l line) error {
	words, quoted := realWords(l.value)
	if len(words) < 2 || len(words) > 3 {
		return l.errorf("%q: want ADDRESS[->ADDRESS][:PORT] gate|masq|ipip [WEIGHT] [\"REQUEST\", \"RECEIVE\"]", l.value)
	}
	forward, ok := way(words[1])
	if !ok {
		return l.errorf("%q: want gate, masq or ipip", words[1])
	}
	server := table.Server{Weight: 1, Forward: forward}
	if len(words) == 3 {
		n, err := strconv.Atoi(words[2])
		if err != nil || n < 0 || n > 65535 {
			return l.errorf("weight %q: want 0 to 65535", words[2])
		}
		server.Weight = n
	}
	question := v.question
	for i, text := range quoted {
		switch limit, isLimit := limitOf(text); {
		case isLimit && text[1] == 'u':
			server.Upper = limit
		case isLimit:
			server.Lower = limit
		case i == 0:
			question.request = text
		case i == 1:
			question.receive, question.receiveAt = text, l
		default:
			return l.errorf("%q: want \"<l:NUMBER>\" or \"<u:NUMBER>\"", text)
		}
	}
	addresses, err := v.addresses(l, words[0])
	if err != nil {
		return err
	}
	for _, a := range addresses {
		server.Address = v.port(a, forward)
		if v.service.Has(server.Address) {
			return l.errorf("server %s is there twice", server.Address)
		}
		checks, out, err := question.checks(v, server.Address)
		if err != nil {
			return err
		}
		v.service.Servers = append(v.service.Servers, config.Server{
			Server: server, Checks: checks, Out: out, Drains: v.settings.drains, Absent: !v.settings.readds, Maintenance: v.maintenance(words[0], server.Address),
		})
	}
	return nil
}

// maintenance lists the files that take a server out.
func (v *virtual) maintenance(name string, a netip.AddrPort) []string {
	if v.r.maintenance == "" {
		return nil
	}
	host := a.Addr().String()
	if a.Addr().Is6() {
		host = "[" + host + "]"
	}
	all := []string{host}
	if written, _, _ := strings.Cut(name, ":"); isName(written) {
		all = append(all, written)
		if short, _, ok := strings.Cut(written, "."); ok {
			all = append(all, short)
		}
	}
	var files []string
	for _, one := range all {
		files = append(files, filepath.Join(v.r.maintenance, one+":"+strconv.Itoa(int(a.Port()))), filepath.Join(v.r.maintenance, one))
	}
	return files
}

// isName tells a host's name from an address and a range.
func isName(text string) bool {
	return strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz") && !strings.ContainsAny(text, "[>:")
}

// maxRange is how many servers one line may stand for.
const maxRange = 1024

func (v *virtual) addresses(l line, text string) ([]netip.AddrPort, error) {
	from, to, ranged := strings.Cut(text, "->")
	is6 := v.key.Is6()
	first, err := config.HostPort(v.r.names, from, v.key.Protocol, is6)
	if err != nil {
		return nil, l.errorf("%w", err)
	}
	if !ranged {
		return []netip.AddrPort{first}, nil
	}
	last, err := config.HostPort(v.r.names, to, v.key.Protocol, is6)
	if err != nil {
		return nil, l.errorf("%w", err)
	}
	if first.Addr().BitLen() != last.Addr().BitLen() || last.Addr().Less(first.Addr()) {
		return nil, l.errorf("%q: the last address of a range has to be above the first", text)
	}
	var all []netip.AddrPort
	for a := first.Addr(); ; a = a.Next() {
		all = append(all, netip.AddrPortFrom(a, last.Port()))
		if a == last.Addr() {
			return all, nil
		}
		if len(all) == maxRange {
			return nil, l.errorf("%q: a range of more than %d servers", text, maxRange)
		}
	}
}

// limitOf reads <u:NUMBER> and <l:NUMBER>.
func limitOf(text string) (uint32, bool) {
	inner, ok := strings.CutPrefix(text, "<")
	if !ok || len(inner) < 4 || inner[1] != ':' || inner[0] != 'u' && inner[0] != 'l' {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(inner[2:], ">"), 10, 16)
	return uint32(n), err == nil
}

// realWords splits the words from what is quoted; commas between those do not count.
func realWords(text string) (words, quoted []string) {
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			quoted = append(quoted, part)
			continue
		}
		words = append(words, strings.FieldsFunc(part, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })...)
	}
	return words, quoted
}
