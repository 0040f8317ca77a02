package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/program"
)

// Protocol names how a server is asked.
type Protocol string

// The protocols.
const (
	Connect  Protocol = "connect"  // a TCP connection opens
	HTTP     Protocol = "http"     // a page comes, as HTTP says
	SMTP     Protocol = "smtp"     // greeting and EHLO
	IMAP     Protocol = "imap"     // greeting, and perhaps a login
	POP      Protocol = "pop"      // the same
	FTP      Protocol = "ftp"      // the same
	NNTP     Protocol = "nntp"     // greeting
	DNS      Protocol = "dns"      // a query is answered without an error, over UDP
	MySQL    Protocol = "mysql"    // the server's handshake, and perhaps a login and a query
	Postgres Protocol = "pgsql"    // a start-up message is answered, or the same
	LDAP     Protocol = "ldap"     // a bind is answered, and perhaps an object is there
	SIP      Protocol = "sip"      // OPTIONS is answered, over UDP
	RADIUS   Protocol = "radius"   // a login is accepted, over UDP
	Redis    Protocol = "redis"    // PING is answered
	Ping     Protocol = "ping"     // ICMP echo
	External Protocol = "external" // a program exits 0
	Talk     Protocol = "talk"     // something is sent over TCP, and the answer matches
	UDP      Protocol = "udp"      // something is sent over UDP: nothing refuses it, or the answer matches
	File     Protocol = "file"     // a file says so by what is in it
)

// Check is what to ask one server, and what counts as an answer.
type Check struct {
	Protocol Protocol       `json:"protocol"`
	Target   netip.AddrPort `json:"target"`
	Timeout  time.Duration  `json:"timeout"`        // for the whole of it; must be positive
	TLS      *TLS           `json:"tls,omitempty"`  // nil: plain. Any protocol over TCP can be asked over TLS
	Page     Page           `json:"page,omitzero"`  // HTTP
	Name     string         `json:"name,omitempty"` // DNS: the name to ask for; SMTP: the name to greet with
	// Environment is External's, as NAME=VALUE; nil: this process's.
	Environment []string `json:"environment,omitempty"`
	Command     []string `json:"command,omitempty"`  // External: the program and its arguments; File: its path
	Send        string   `json:"send,omitempty"`     // Talk, UDP: what is sent; MySQL, Postgres: a query that has to give a row; LDAP: the object to read
	Database    string   `json:"database,omitempty"` // MySQL, Postgres: that is logged in to
	// Weighs lets External's exit status say a weight: 2 to 255 mean that the server is well, with a weight of two less (misc_dynamic).
	Weighs bool          `json:"weighs,omitempty"`
	Record string        `json:"record,omitempty"` // DNS: the type to ask for, as A or SOA; "": A, or NS of the root without a name
	From   Origin        `json:"from,omitzero"`
	User   *program.User `json:"user,omitempty"`  // External: whom the program runs as; nil: as this process
	Reply  *Reply        `json:"reply,omitempty"` // UDP: what has to come; nil: nothing has to
	// Base and Factor make a weight of File's number: the number, times Factor, is added to Base. A Factor of 0: any number but 0 is a failure.
	Base   int   `json:"base,omitempty"`
	Factor int   `json:"factor,omitempty"`
	Login  Login `json:"-"` // Never shown
	// Expect is what an answer has to match: of Talk, of UDP (nil: none has to come), of DNS (one of the addresses or names), of LDAP (the object's name or
	// one of its values).
	Expect *regexp.Regexp `json:"expect,omitempty"`
}

// Reply is what a datagram that comes back has to be.
type Reply struct {
	Value []byte `json:"value,omitempty"` // that it begins with, as far as both go
	Mask  []byte `json:"mask,omitempty"`  // bits of Value that count; as long as it
	Least int    `json:"least,omitempty"`
	Most  int    `json:"most,omitempty"` // 0: no limit
}

// Origin is where a question comes from; what is empty the kernel chooses. Ping and programs have none.
type Origin struct {
	Address   netip.AddrPort `json:"address,omitzero"` // either part may be empty
	Interface string         `json:"interface,omitempty"`
	Mark      uint32         `json:"mark,omitempty"` // of its packets, for policy routing
}

func (o Origin) dialer(network string) *net.Dialer {
	var d net.Dialer
	if o.Address != (netip.AddrPort{}) {
		ip := net.IP(o.Address.Addr().AsSlice())
		d.LocalAddr = &net.TCPAddr{IP: ip, Port: int(o.Address.Port())}
		if network == "udp" {
			d.LocalAddr = &net.UDPAddr{IP: ip, Port: int(o.Address.Port())}
		}
	}
	if o.Interface == "" && o.Mark == 0 {
		return &d
	}
	d.Control = func(_, _ string, raw syscall.RawConn) error {
		var errs []error
		err := raw.Control(func(fd uintptr) {
			if o.Interface != "" {
				errs = append(errs, unix.BindToDevice(int(fd), o.Interface))
			}
			if o.Mark != 0 {
				errs = append(errs, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark)))
			}
		})
		return errors.Join(append(errs, err)...)
	}
	return &d
}

// Weighed is how a server that is well says what weight it is to have.
type Weighed struct{ Weight int }

func (w *Weighed) Error() string { return fmt.Sprintf("it is well, with weight %d", w.Weight) }

// TLS says how a server's certificate is treated. Most checks go to an address, where names cannot match: unless Verify is
// set the certificate is not checked, as with every peer.
type TLS struct {
	ServerName string `json:"servername,omitempty"`
	Verify     bool   `json:"verify,omitempty"`
	// Certificate and Key are files that this host shows who it is with; "": it does not.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
}

// Page is an HTTP request and what counts as its answer.
type Page struct {
	Method  string         `json:"method,omitempty"` // "": GET
	Path    string         `json:"path,omitempty"`   // with query; "": /
	Host    string         `json:"host,omitempty"`   // virtual host; "": the target
	Status  []int          `json:"status,omitempty"` // that count; empty: 200 to 399
	Match   *regexp.Regexp `json:"match,omitempty"`
	Not     bool           `json:"not,omitempty"`     // what matches is no answer
	From    int            `json:"from,omitempty"`    // where in the body a match may begin, at the earliest and at the latest
	To      int            `json:"to,omitempty"`      // 0: anywhere
	Version Version        `json:"version,omitempty"` // of HTTP; "": 1.1
	Digest  string         `json:"digest,omitempty"`  // MD5 of the body, in hexadecimal; "": any body
}

// Version is one of HTTP, as http_protocol of keepalived.conf(5) names it.
type Version string

// The versions; the default is 1.1.
const (
	HTTP10       Version = "1.0"
	HTTP10Closed Version = "1.0C" // with a line that asks for the connection to be closed
	HTTP11       Version = "1.1"
)

// asker asks over a connection that is open, or opens none (packets, programs).
type asker struct {
	network string // tcp or udp; "": ask opens what it needs
	ask     func(context.Context, Check, net.Conn) error
}

// askers is the table of protocols.
var askers = map[Protocol]asker{
	Connect:  {"tcp", func(context.Context, Check, net.Conn) error { return nil }},
	HTTP:     {"tcp", askHTTP},
	SMTP:     {"tcp", askSMTP},
	IMAP:     {"tcp", entering([]string{"* OK", "* PREAUTH"}, imapLogin)},
	POP:      {"tcp", entering([]string{"+OK"}, popLogin)},
	FTP:      {"tcp", entering([]string{"220"}, ftpLogin)},
	NNTP:     {"tcp", greeting("200", "201")},
	MySQL:    {"tcp", askMySQL},
	Postgres: {"tcp", askPostgres},
	LDAP:     {"tcp", askLDAP},
	Redis:    {"tcp", askRedis},
	DNS:      {"udp", askDNS},
	SIP:      {"udp", askSIP},
	RADIUS:   {"udp", askRADIUS},
	Ping:     {"", askPing},
	External: {"", askExternal},
	Talk:     {"tcp", askTalk},
	UDP:      {"udp", askUDP},
	File:     {"", askFile},
}

// Protocols lists their names, sorted.
func Protocols() []string {
	var all []string
	for p := range askers {
		all = append(all, string(p))
	}
	slices.Sort(all)
	return all
}

// Run asks once. nil, or a *Weighed: the server serves; otherwise the error says what it did instead.
func (c Check) Run(ctx context.Context) error {
	a, ok := askers[c.Protocol]
	if !ok {
		return fmt.Errorf("check %s: protocol %q is not known; there are %s", c.Target, c.Protocol, strings.Join(Protocols(), ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	err := c.run(ctx, a)
	if weighed := (*Weighed)(nil); errors.As(err, &weighed) {
		return weighed
	}
	if err != nil {
		if ctx.Err() == context.DeadlineExceeded {
			err = errors.Join(fmt.Errorf("no answer within %s", c.Timeout), err)
		}
		return fmt.Errorf("check %s at %s: %w", c.Protocol, c.Target, err)
	}
	return nil
}

func (c Check) run(ctx context.Context, a asker) error {
	if a.network == "" {
		return a.ask(ctx, c, nil)
	}
	opened, err := c.From.dialer(a.network).DialContext(ctx, a.network, c.Target.String())
	if err != nil {
		return err
	}
	defer opened.Close()
	defer context.AfterFunc(ctx, func() { _ = opened.SetDeadline(time.Unix(1, 0)) })() // the past: reads and writes end
	conn := opened
	if c.TLS != nil && a.network == "tcp" {
		if conn, err = secured(ctx, c.TLS, conn); err != nil {
			return err
		}
	}
	return a.ask(ctx, c, conn)
}

func (t *TLS) settings() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: !t.Verify}
	if t.Certificate != "" {
		own, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read the certificate to show: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// secured is a connection on which TLS is agreed.
func secured(ctx context.Context, t *TLS, conn net.Conn) (net.Conn, error) {
	settings, err := t.settings()
	if err != nil {
		return nil, err
	}
	over := tls.Client(conn, settings)
	if err := over.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("agree on TLS: %w", err)
	}
	return over, nil
}
