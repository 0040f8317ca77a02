package device

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"time"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/quorumdisk"
)

// Config is what a Device starts from.
type Config struct {
	Settings   qdevice.Settings
	Host       string        // address or name of the server
	Port       uint16        // 0: 5403
	Family     int           // 4, 6, or 0 for either
	Connect    time.Duration // for how long a connection is tried
	Sync       time.Duration // for how long a decision about a new partition is waited for
	Heuristics Heuristics
	Dir        string        // of ca.crt, node.crt and node.key
	Disk       string        // path of a quorum disk; "": a server is asked
	Hold       time.Duration // for how long its lease counts
}

// Same tells whether two configurations ask the same device in the same way.
func (c *Config) Same(o *Config) bool {
	a, b := *c, *o
	a.Settings.Configured, b.Settings.Configured, a.Settings.Node, b.Settings.Node = nil, nil, 0, 0
	return reflect.DeepEqual(a, b)
}

// Links are how a Device is tied to its host.
type Links struct {
	// Say takes what the server says. It returns when that is in force: the server gives votes
	// to others once this host has answered that it lost them.
	Say func(qdevice.Standing)
	Now func() time.Duration // a clock that counts time asleep too
	Log *slog.Logger
}

// DefaultPort is corosync-qnetd's.
const DefaultPort = 5403

// Device is a host's side of a quorum device. Its methods can be called from any goroutine, and
// do not wait.
type Device struct {
	*loop
	cfg   Config
	links Links

	// Owned by the loop.
	client  *qdevice.Client
	conn    net.Conn
	life    int // counts connections: what belongs to one of before is dropped
	dialing bool
	retry   time.Duration // when to connect again
	round   int           // counts runs of the commands when the partition changes
	report  qdevice.Report
	known   bool          // report is complete
	regular time.Duration // when the commands run next on a regular basis
	running bool          // they run
	said    qdevice.Standing
	problem string // the last that was logged
}

// Open starts the device's loop. It does not wait for a connection.
func Open(cfg Config, links Links) *Device {
	if cfg.Port == 0 {
		cfg.Port = DefaultPort
	}
	d := &Device{loop: newLoop(), cfg: cfg, links: links, client: qdevice.NewClient(cfg.Settings)}
	d.spawn(d.run)
	return d
}

// Report tells of the partition that the host is in. A server judges by itself whether its votes are of use.
func (d *Device) Report(r qdevice.Report, _ bool) { d.put(func() { d.reported(r) }) }

// Configure tells that the cluster's hosts changed.
func (d *Device) Configure(hosts []uint32) { d.put(func() { d.client.Configure(hosts) }) }

// Status returns what is known now.
func (d *Device) Status() Status {
	var st Status
	if !d.ask(func() { st = Status{Status: d.client.Status(), Config: d.cfg, Now: d.links.Now()} }) {
		return Status{Config: d.cfg}
	}
	return st
}

// Status is a Device's.
type Status struct {
	qdevice.Status
	Config Config
	Now    time.Duration      // the clock that Status' instants are of
	Lease  *quorumdisk.Status // of a quorum disk; nil: it is a server
}

// run is the only goroutine that touches the client.
func (d *Device) run() {
	defer d.hangUp(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		d.connect()
		now := d.links.Now()
		d.client.Tick(now)
		d.runRegular(now)
		d.carryOut()
		timer.Reset(max(0, d.next()-d.links.Now()))
		select {
		case <-d.ctx.Done():
			return
		case f := <-d.events:
			f()
			d.carryOut()
		case <-timer.C:
		}
	}
}

// next is when the loop has something to do.
func (d *Device) next() time.Duration {
	next := d.client.Next()
	if d.conn == nil && !d.dialing {
		next = min(next, d.retry)
	}
	if d.cfg.Heuristics.Mode == On && !d.running {
		next = min(next, d.regular)
	}
	return next
}

// carryOut does what the client wants. Its word goes out first: see Links.Say.
func (d *Device) carryOut() {
	out := d.client.Output()
	d.say()
	for _, m := range out.Send {
		if d.conn == nil {
			break
		}
		if err := d.write(m); err != nil {
			d.hangUp(err)
			return
		}
	}
	switch {
	case out.Close != nil:
		d.hangUp(out.Close)
	case out.Handshake && d.conn != nil:
		d.secure()
	}
}

// say makes known how the vote stands, if that is news.
func (d *Device) say() {
	if st := d.client.Standing(); st != d.said {
		d.said = st
		d.links.Say(st)
	}
}

func (d *Device) write(m *qdevice.Message) error {
	if err := d.conn.SetWriteDeadline(time.Now().Add(d.cfg.Settings.Heartbeat)); err != nil {
		return err
	}
	if _, err := d.conn.Write(m.Marshal()); err != nil {
		return fmt.Errorf("write to the quorum device: %w", err)
	}
	return nil
}

// reported takes a partition in. A new one is told to the server when the commands have run.
func (d *Device) reported(r qdevice.Report) {
	if r.Ring == d.report.Ring {
		r.Heuristics = d.report.Heuristics
		d.report = r
		if d.known {
			d.client.Report(d.links.Now(), r)
		}
		return
	}
	d.report, d.known = r, false
	d.round++
	d.runForRing()
}

// runForRing runs the commands for the present ring, and reports it then.
func (d *Device) runForRing() {
	now := d.links.Now()
	h := d.cfg.Heuristics
	if h.Mode == Off || len(h.Commands) == 0 {
		d.known = true
		d.client.Report(now, d.report)
		return
	}
	d.client.Prepare(d.report.Ring, now+min(h.Sync, cmp.Or(d.cfg.Sync, h.Sync)))
	round := d.round
	d.spawn(func() {
		outcome, err := h.run(d.ctx, h.Sync)
		d.put(func() {
			if round != d.round {
				return
			}
			d.note(err)
			d.known, d.report.Heuristics = true, outcome
			d.regular = d.links.Now() + h.Interval
			d.client.Report(d.links.Now(), d.report)
		})
	})
}

// runRegular runs the commands when that is due.
func (d *Device) runRegular(now time.Duration) {
	h := d.cfg.Heuristics
	if h.Mode != On || d.running || !d.known || now < d.regular {
		return
	}
	d.running = true
	d.spawn(func() {
		outcome, err := h.run(d.ctx, h.Timeout)
		d.put(func() {
			d.running, d.regular = false, d.links.Now()+h.Interval
			d.note(err)
			d.client.Regular(outcome)
		})
	})
}

// note logs a problem, once.
func (d *Device) note(err error) {
	if err == nil || d.ctx.Err() != nil {
		return
	}
	if text := err.Error(); text != d.problem {
		d.problem = text
		d.links.Log.Warn("quorum device", "host", d.cfg.Host, "cause", err)
	}
}

// connect begins to dial when that is due.
func (d *Device) connect() {
	now := d.links.Now()
	if d.conn != nil || d.dialing || now < d.retry {
		return
	}
	d.dialing = true
	network := map[int]string{4: "tcp4", 6: "tcp6"}[d.cfg.Family]
	if network == "" {
		network = "tcp"
	}
	address := net.JoinHostPort(d.cfg.Host, fmt.Sprint(d.cfg.Port))
	d.spawn(func() {
		dialer := net.Dialer{Timeout: d.cfg.Connect, KeepAlive: -1}
		conn, err := dialer.DialContext(d.ctx, network, address)
		d.put(func() { d.dialed(conn, err) })
	})
}

func (d *Device) dialed(conn net.Conn, err error) {
	d.dialing = false
	if err != nil {
		d.hangUp(fmt.Errorf("connect to the quorum device: %w", err))
		return
	}
	if d.ctx.Err() != nil {
		conn.Close()
		return
	}
	d.conn = conn
	d.life++
	d.client.Connected(d.links.Now())
	d.read(conn)
}

// read hands what arrives to the client.
func (d *Device) read(conn net.Conn) {
	life := d.life
	d.spawn(func() {
		var r qdevice.Reader
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			r.Feed(buffer[:n])
			for err == nil {
				var m *qdevice.Message
				if m, err = r.Next(); m == nil {
					break
				}
				// The server speaks TLS only after this host does, so nothing of it is read here.
				d.put(func() { d.received(life, m) })
				if m.Type == qdevice.PreinitReply {
					return // received goes on, with TLS or without
				}
			}
			if err != nil {
				d.put(func() {
					if life == d.life {
						d.hangUp(fmt.Errorf("read from the quorum device: %w", err))
					}
				})
				return
			}
		}
	})
}

func (d *Device) received(life int, m *qdevice.Message) {
	if life != d.life || d.conn == nil {
		return
	}
	d.client.Receive(d.links.Now(), m)
	if m.Type == qdevice.PreinitReply && d.client.Status().State == qdevice.Introduced {
		d.read(d.conn)
	}
	if m.Type == qdevice.InitReply && d.client.Status().State == qdevice.Connected {
		d.problem = ""
		d.links.Log.Info("connected to the quorum device", "host", d.cfg.Host, "tls", d.client.Status().Secured)
	}
	d.carryOut()
}

// secure makes the connection one of TLS.
func (d *Device) secure() {
	config, err := d.tls()
	if err != nil {
		d.hangUp(err)
		return
	}
	conn := tls.Client(d.conn, config)
	life := d.life
	d.spawn(func() {
		ctx, cancel := context.WithTimeout(d.ctx, d.cfg.Settings.Heartbeat)
		defer cancel()
		err := conn.HandshakeContext(ctx)
		d.put(func() {
			switch {
			case life != d.life:
			case err != nil:
				d.hangUp(fmt.Errorf("secure the connection to the quorum device: %w", err))
			default:
				d.conn = conn
				d.client.Secured(d.links.Now())
				d.read(conn)
				d.carryOut()
			}
		})
	})
}

// hangUp ends the connection, if there is one, and lets it be tried again.
func (d *Device) hangUp(cause error) {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
	d.life++
	d.client.Disconnected(cause)
	d.say()
	pause := d.cfg.Settings.Heartbeat / 4
	if errors.Is(cause, qdevice.ErrRefused) {
		pause = d.cfg.Settings.Heartbeat
	}
	d.retry = d.links.Now() + pause
	d.note(cause)
}
