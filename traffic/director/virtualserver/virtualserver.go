// Package virtualserver compiles the virtual_server part of keepalived.conf(5) to the director's model: services, real servers with every
// checker but BFD_CHECK, quorum and sorry server. The tables of keywords are the list of what is read; what belongs to
// VRRP is left to traffic/vrrp.
package virtualserver

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
	"holdfast/traffic/keepalived"
	"holdfast/traffic/program"
)

type directive = keepalived.Directive

// compiler holds what blocks that come later build on.
type compiler struct {
	config config.Config
	names  config.Names
	mail   config.Mail
	alerts bool // mail is sent unless a block says otherwise
	groups map[string]group
	files  map[string]trackFile
	tls    check.TLS // of every SSL_GET
	script program.User
	first  bool // rs_init_notifies
	pipes  *keepalived.Pipes
	hooks  keepalived.Hooks
}

// trackFile is a file with a number in it.
type trackFile struct {
	at     keepalived.Position
	path   string
	weight int
}

// group is a virtual_server_group.
type group struct {
	at   keepalived.Position
	keys []table.Key // protocols are the virtual server's
}

// Compile makes the model of a file that keepalived.Read has read.
func Compile(file []directive, names config.Names) (*config.Config, error) {
	c := &compiler{names: names, groups: map[string]group{}, files: map[string]trackFile{}, pipes: keepalived.NewPipes(pipeWords...)}
	// What others build on is read first, wherever it stands.
	for _, blocks := range []keepalived.Keywords[compiler]{{"global_defs": readGlobals}, definitions, {"virtual_server": (*compiler).server}} {
		for _, d := range file {
			if read, ok := blocks[d.Keyword()]; ok {
				if err := read(c, d); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := keepalived.Known(file); err != nil {
		return nil, err
	}
	if len(c.config.Services) == 0 {
		return nil, fmt.Errorf("the configuration has no virtual_server: there is nothing to balance")
	}
	c.config.Pipes = c.pipes.All(c.script)
	if !slices.ContainsFunc(file, func(d directive) bool { return d.Keyword() == "vrrp_instance" }) { // else they are for `holdfast vrrp`
		c.config.Begin, c.config.End = c.hooks.Both(c.script)
	}
	return &c.config, c.config.Check()
}

// definitions are the blocks that virtual servers name.
var definitions = keepalived.Keywords[compiler]{
	"virtual_server_group": (*compiler).group, "track_file": (*compiler).file, "vrrp_track_file": (*compiler).file, "SSL": readSSL,
	"net_namespace_ipvs": otherNamespace,
}

func otherNamespace(_ *compiler, d directive) error {
	return d.Errorf("run the director in that namespace")
}

func readSSL(c *compiler, d directive) error { return sslKeywords.Read(c, d.Block) }

var sslKeywords = keepalived.Keywords[compiler]{
	"certificate": func(c *compiler, d directive) (err error) {
		c.tls.Certificate, err = keepalived.Value(d, "a file")
		return err
	},
	"key": func(c *compiler, d directive) (err error) { c.tls.Key, err = keepalived.Value(d, "a file"); return err },
	"ca": func(c *compiler, d directive) error {
		c.warn(d, "servers' certificates are not verified, as in keepalived")
		return nil
	},
	"password": func(_ *compiler, d directive) error {
		return d.Errorf("give a key without a password, in a file that only root can read")
	},
}

// file reads a track_file block: what FILE_CHECK names.
func (c *compiler) file(d directive) error {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return err
	}
	if other, twice := c.files[name]; twice {
		return d.Errorf("there is another track_file %s at %s", name, other.at)
	}
	f := trackFile{at: d.At, weight: 1}
	err = keepalived.Keywords[trackFile]{
		"file":      func(f *trackFile, d directive) (err error) { f.path, err = keepalived.Value(d, "a path"); return err },
		"weight":    func(f *trackFile, d directive) (err error) { f.weight, err = fileWeight(d); return err },
		"init_file": func(*trackFile, directive) error { return nil }, // `holdfast vrrp` writes it
	}.Read(&f, d.Block)
	c.files[name] = f
	return err
}

// fileWeight reads N [reverse].
func fileWeight(d directive) (int, error) {
	words := d.Values()
	reverse := len(words) == 2 && words[1] == "reverse"
	if len(words) != 1 && !reverse {
		return 0, d.Errorf("want a number and perhaps reverse")
	}
	n, err := strconv.ParseInt(words[0], 10, 32)
	if err != nil {
		return 0, d.Errorf("%q: want a number", words[0])
	}
	if reverse {
		n = -n
	}
	return int(n), nil
}

func (c *compiler) warn(d directive, format string, args ...any) {
	c.config.Warnings = append(c.config.Warnings, d.Errorf(format, args...).Error())
}

// pipeWords are the pipes of global_defs: for all of keepalived's parts, and for its checkers alone.
var pipeWords = []string{"notify_fifo", "lvs_notify_fifo"}

// readGlobals reads what of global_defs concerns the director; the rest is traffic/vrrp's.
func readGlobals(c *compiler, d directive) error {
	for _, one := range d.Block {
		if read, ok := globals[one.Keyword()]; ok {
			if err := read(c, one); err != nil {
				return err
			}
		}
	}
	return nil
}

var globals = keepalived.Keywords[compiler]{
	"notification_email": func(c *compiler, d directive) error { c.mail.To = append(c.mail.To, keepalived.List(d)...); return nil },
	"notification_email_from": func(c *compiler, d directive) (err error) {
		c.mail.From, err = keepalived.Value(d, "an address")
		return err
	},
	"smtp_server": func(c *compiler, d directive) error { c.mail.Server = strings.Join(d.Values(), ":"); return nil },
	"smtp_helo_name": func(c *compiler, d directive) (err error) {
		c.mail.Helo, err = keepalived.Value(d, "a name")
		return err
	},
	"smtp_connect_timeout": func(c *compiler, d directive) (err error) {
		c.mail.Timeout, err = keepalived.Seconds(d, time.Second, time.Hour)
		return err
	},
	"router_id": func(c *compiler, d directive) (err error) {
		c.mail.Name, err = keepalived.Value(d, "a name")
		return err
	},
	"smtp_alert":         func(c *compiler, d directive) (err error) { c.alerts, err = keepalived.Boolean(d); return err },
	"smtp_alert_checker": func(c *compiler, d directive) (err error) { c.alerts, err = keepalived.Boolean(d); return err },
	"lvs_flush":          func(c *compiler, _ directive) error { c.config.Flush = true; return nil },
	"lvs_timeouts":       lvsTimeouts,
	"lvs_sync_daemon":    syncDaemon,
	"net_namespace_ipvs": otherNamespace,
	"script_user":        func(c *compiler, d directive) (err error) { c.script, err = keepalived.User(d, d.Values()); return err },
	"rs_init_notifies":   func(c *compiler, d directive) (err error) { c.first, err = keepalived.Boolean(d); return err },
}.With(keepalived.PipeKeywords(func(c *compiler) *keepalived.Pipes { return c.pipes }, pipeWords...)).
	With(keepalived.HookKeywords(func(c *compiler) *keepalived.Hooks { return &c.hooks }))

func lvsTimeouts(c *compiler, d directive) error {
	for words := d.Values(); len(words) > 0; words = words[2:] {
		to := map[string]*time.Duration{"tcp": &c.config.Timeouts.TCP, "tcpfin": &c.config.Timeouts.TCPFinish, "udp": &c.config.Timeouts.UDP}[words[0]]
		if to == nil || len(words) < 2 {
			return d.Errorf("%q: want tcp, tcpfin or udp, and seconds", words[0])
		}
		n, err := strconv.Atoi(words[1])
		if err != nil || n < 1 {
			return d.Errorf("%s %q: want seconds", words[0], words[1])
		}
		*to = time.Duration(n) * time.Second
	}
	return nil
}

// syncDaemon has both daemons run all the time, unless they follow an instance: then it is for `holdfast vrrp`, which knows that one's state.
func syncDaemon(c *compiler, d directive) error {
	s, instance, err := SyncDaemon(d)
	if err != nil || instance != "" {
		return err
	}
	for _, role := range []plane.Role{plane.Master, plane.Backup} {
		s.Role = role
		c.config.Syncs = append(c.config.Syncs, s)
	}
	return nil
}

// group reads lines of ADDRESS[-ADDRESS] [PORT], and of fwmark NUMBER.
func (c *compiler) group(d directive) error {
	name, err := keepalived.Value(d, "a name")
	if err != nil {
		return err
	}
	if other, twice := c.groups[name]; twice {
		return d.Errorf("there is another virtual_server_group %s at %s", name, other.at)
	}
	g := group{at: d.At}
	for _, line := range d.Block {
		keys, err := c.groupLine(line)
		if err != nil {
			return err
		}
		g.keys = append(g.keys, keys...)
	}
	if len(g.keys) == 0 {
		return d.Errorf("%s is empty", name)
	}
	c.groups[name] = g
	return nil
}

// maxRange is how many addresses one line may stand for.
const maxRange = 4096

func (c *compiler) groupLine(d directive) ([]table.Key, error) {
	if d.Keyword() == "fwmark" {
		k, err := mark(d, d.Values())
		return []table.Key{k}, err
	}
	port := uint16(0)
	if len(d.Words) > 1 {
		n, err := config.PortNumber(c.names, d.Words[1], table.TCP)
		if err != nil {
			return nil, d.Errorf("%w", err)
		}
		port = n
	}
	first, last, err := addressRange(d.Keyword())
	if err != nil || len(d.Words) > 2 {
		return nil, d.Errorf("want ADDRESS, ADDRESS-LAST or a network, and perhaps a port")
	}
	var all []table.Key
	for a := first; ; a = a.Next() {
		all = append(all, table.Key{Address: netip.AddrPortFrom(a, port)})
		if a == last || len(all) > maxRange {
			break
		}
	}
	if len(all) > maxRange {
		return nil, d.Errorf("a range of more than %d addresses", maxRange)
	}
	return all, nil
}

// addressRange reads 10.0.0.1, 10.0.0.1-9, 10.0.0.1-10.0.0.9, 10.0.0.0/29; of IPv6 a number after the dash is hexadecimal.
func addressRange(text string) (first, last netip.Addr, err error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		last = p.Masked().Addr()
		for next := last.Next(); p.Contains(next); next = last.Next() {
			last = next
			if p.Addr().BitLen()-p.Bits() > 12 {
				return first, last, fmt.Errorf("%q is too large", text)
			}
		}
		return p.Masked().Addr(), last, nil
	}
	from, to, ranged := strings.Cut(text, "-")
	if first, err = netip.ParseAddr(from); err != nil || !ranged {
		return first, first, err
	}
	if !strings.ContainsAny(to, ".:") {
		to = from[:strings.LastIndexAny(from, ".:")+1] + to
	}
	last, err = netip.ParseAddr(to)
	if err == nil && (last.Less(first) || last.BitLen() != first.BitLen()) {
		err = fmt.Errorf("%q: the last is below the first", text)
	}
	return first, last, err
}

func mark(d directive, words []string) (table.Key, error) {
	if len(words) == 0 || len(words) > 2 {
		return table.Key{}, d.Errorf("want the number of a firewall mark")
	}
	n, err := strconv.ParseUint(words[0], 10, 32)
	if err != nil || n == 0 {
		return table.Key{}, d.Errorf("fwmark %q: want a number, at least 1", words[0])
	}
	return table.Key{Mark: uint32(n), IPv6: len(words) == 2 && words[1] == "inet6"}, nil
}
