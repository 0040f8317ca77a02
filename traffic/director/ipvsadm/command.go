package ipvsadm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// The exit statuses.
const (
	done    = 0
	missing = 1 // the service to list
	badly   = 2 // typed
	refused = 255
)

// Command runs ipvsadm on the plane that open opens. Help and mistakes need none.
func Command(args []string, stdin io.Reader, stdout, stderr io.Writer, open func() (plane.Plane, error)) int {
	t, err := take(args)
	if err == nil {
		err = t.run(stdin, stdout, open)
	}
	if err == nil {
		return done
	}
	fmt.Fprintf(stderr, "ipvsadm: %v\n", err)
	var typo usage
	switch {
	case errors.As(err, &typo):
		return badly
	case t.command == "list" && errors.Is(err, table.ErrNotFound):
		return missing
	}
	return refused
}

func (t typed) run(stdin io.Reader, stdout io.Writer, open func() (plane.Plane, error)) error {
	switch t.command {
	case "help":
		_, err := io.WriteString(stdout, help)
		return err
	case "version":
		_, err := io.WriteString(stdout, "ipvsadm v1.31 (Holdfast; IPVS v1.2.1)\n")
		return err
	}
	act, err := t.prepare(stdin, stdout)
	if err != nil {
		return err
	}
	p, err := open()
	if err != nil {
		return err
	}
	defer p.Close()
	return act(p)
}

// prepare reads everything that was typed before the plane is opened, and returns what to do with it.
func (t typed) prepare(stdin io.Reader, stdout io.Writer) (func(plane.Plane) error, error) {
	switch t.command {
	case "list":
		return func(p plane.Plane) error { return t.buffered(stdout, func(w io.Writer) error { return t.list(p, w) }) }, nil
	case "save":
		return func(p plane.Plane) error { return t.buffered(stdout, func(w io.Writer) error { return t.save(p, w) }) }, nil
	case "clear":
		return clearTable, nil
	case "restore":
		changes, err := restored(stdin)
		return func(p plane.Plane) error { return p.Apply(changes) }, err
	case "zero":
		key, chosen, err := t.service()
		which := &key
		if !chosen {
			which = nil
		}
		return func(p plane.Plane) error { return p.Zero(which) }, err
	case "set":
		return t.prepareTimeouts()
	case "start-daemon", "stop-daemon":
		return t.prepareSync()
	}
	c, err := t.change()
	return func(p plane.Plane) error { return p.Apply([]table.Change{c}) }, err
}

func (t typed) buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriter(w)
	return errors.Join(write(b), b.Flush())
}

func clearTable(p plane.Plane) error {
	actual, err := p.Table()
	if err != nil {
		return err
	}
	return p.Apply(table.Difference(actual, nil))
}

func (t typed) prepareTimeouts() (func(plane.Plane) error, error) {
	words := append([]string{t.given["set"]}, t.rest...)
	if len(words) != 3 {
		return nil, wrong("--set needs three numbers: seconds for TCP, for TCP after FIN, and for UDP; 0 leaves one as it is")
	}
	var seconds [3]time.Duration
	for i, word := range words {
		n, err := (typed{given: map[string]string{"set": word}}).number("set", 0, 0, 1<<31/1000)
		if err != nil {
			return nil, err
		}
		seconds[i] = time.Duration(n) * time.Second
	}
	return func(p plane.Plane) error {
		timed, ok := p.(plane.Timed)
		if !ok {
			return &plane.Unsupported{Plane: p.Name(), Feature: "timeouts of connections"}
		}
		return timed.SetTimeouts(plane.Timeouts{TCP: seconds[0], TCPFinish: seconds[1], UDP: seconds[2]})
	}, nil
}

func (t typed) prepareSync() (func(plane.Plane) error, error) {
	var act func(plane.Synchronized) error
	if t.command == "start-daemon" {
		s, err := t.sync()
		if err != nil {
			return nil, err
		}
		act = func(p plane.Synchronized) error { return p.StartSync(s) }
	} else {
		r, err := role(t.given["stop-daemon"])
		if err != nil {
			return nil, err
		}
		act = func(p plane.Synchronized) error { return p.StopSync(r) }
	}
	return func(p plane.Plane) error {
		synchronized, ok := p.(plane.Synchronized)
		if !ok {
			return &plane.Unsupported{Plane: p.Name(), Feature: "an exchange of connections with a peer", Instead: "choose the plane ipvs or ebpf"}
		}
		return act(synchronized)
	}, nil
}

// restored reads the changes that lines of -R ask for; each may begin with the word ipvsadm.
func restored(stdin io.Reader) ([]table.Change, error) {
	var all []table.Change
	lines := bufio.NewScanner(stdin)
	for number := 1; lines.Scan(); number++ {
		words := strings.Fields(lines.Text())
		if len(words) > 0 && words[0] == "ipvsadm" {
			words = words[1:]
		}
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		t, err := take(words)
		if err == nil && changeKinds[t.command] == 0 {
			err = wrong("--%s cannot be restored: want -A, -E, -D, -a, -e or -d", t.command)
		}
		var c table.Change
		if err == nil {
			c, err = t.change()
		}
		if err != nil {
			return nil, usage{fmt.Errorf("standard input, line %d: %w", number, err)}
		}
		all = append(all, c)
	}
	return all, lines.Err()
}

// save writes lines that -R takes.
func (t typed) save(p plane.Plane, w io.Writer) error {
	all, err := p.Table()
	if err != nil {
		return err
	}
	n := names{numeric: t.has("numeric")}
	for _, s := range all.Sorted() {
		of := serviceOption(s.Key) + " " + strings.Replace(n.service(s.Key), " IPv6", " -6", 1)
		line := "-A " + of + " -s " + s.Scheduler
		if s.Persist > 0 {
			line += fmt.Sprintf(" -p %d", s.Persist/time.Second)
			if s.Netmask != 0 {
				line += " -M " + maskText(s)
			}
		}
		if s.Engine != "" {
			line += " --pe " + s.Engine
		}
		if f := scheduleFlags(s); f != "" {
			line += " -b " + f
		}
		if s.Flags&table.OnePacket != 0 {
			line += " -o"
		}
		fmt.Fprintln(w, line)
		for _, server := range s.Servers {
			fmt.Fprintf(w, "-a %s -r %s%s\n", of, n.address(server.Address, s.Key.Protocol), serverOptions(server))
		}
	}
	return nil
}

func serviceOption(k table.Key) string {
	if k.Mark != 0 {
		return "-f"
	}
	return map[table.Protocol]string{table.TCP: "-t", table.UDP: "-u", table.SCTP: "--sctp-service"}[k.Protocol]
}

func serverOptions(s table.Server) string {
	text := " " + [...]string{table.NAT: "-m", table.Direct: "-g", table.Tunnel: "-i", table.Local: "-g"}[s.Forward]
	text += fmt.Sprintf(" -w %d", s.Weight)
	if s.Upper != 0 {
		text += fmt.Sprintf(" -x %d", s.Upper)
	}
	if s.Lower != 0 {
		text += fmt.Sprintf(" -y %d", s.Lower)
	}
	if s.Forward != table.Tunnel {
		return text
	}
	text += " --tun-type " + tunnelNames[s.Wrap.Kind]
	if s.Wrap.Kind == table.GUE {
		text += fmt.Sprintf(" --tun-port %d", s.Wrap.Port)
	}
	switch {
	case s.Wrap.Kind == table.IPIP:
	case s.Wrap.Remote:
		text += " --tun-remcsum"
	case s.Wrap.Checksum:
		text += " --tun-csum"
	default:
		text += " --tun-nocsum"
	}
	return text
}

const help = `ipvsadm: see and change the table of virtual services

Services     ipvsadm -A|-E SERVICE [-s SCHEDULER] [-b FLAGS] [-p [SECONDS] [-M NETMASK]] [--pe sip] [-o]
             ipvsadm -D SERVICE
Servers      ipvsadm -a|-e SERVICE -r ADDRESS[:PORT] [-g | -m | -i [--tun-type ipip|gue|gre] …] [-w WEIGHT] [-x UPPER] [-y LOWER]
             ipvsadm -d SERVICE -r ADDRESS[:PORT]
Everything   ipvsadm -C (clear), -S [-n] (save), -R (restore from standard input), -Z [SERVICE] (counters to 0)
Listings     ipvsadm [-L [SERVICE]] [-n] [--stats | --rate | --thresholds | --persistent-conn | --tun-info] [--exact] [--nosort]
             ipvsadm -L -c [-n] (connections), -L --timeout, -L --daemon
Timeouts     ipvsadm --set TCP TCPFIN UDP (seconds; 0 leaves one as it is)
Exchange     ipvsadm --start-daemon master|backup --mcast-interface INTERFACE [--syncid N] [--sync-maxlen BYTES]
                     [--mcast-group ADDRESS] [--mcast-port PORT] [--mcast-ttl N]
             ipvsadm --stop-daemon master|backup

SERVICE is -t ADDRESS:PORT (TCP), -u ADDRESS:PORT (UDP), --sctp-service ADDRESS:PORT, or -f MARK [-6].
IPv6 addresses stand in brackets. Schedulers: rr wrr lc wlc (default) lblc lblcr dh sh sed nq fo ovf mh.
Forwarding: -g direct routing (default), -m translation of addresses, -i tunnel. Weight 0 drains a server.

Example:
  ipvsadm -A -t 192.0.2.1:80 -s wrr
  ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.11:8080 -m -w 2
  ipvsadm -Ln --stats
`
