package stats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"maps"

	"holdfast/traffic/proxy/pool"
)

func stateCommand(state string) func(*Server, io.Writer, []string) error {
	return func(s *Server, _ io.Writer, args []string) error {
		if len(args) != 1 {
			return errors.New("BACKEND/SERVER is wanted")
		}
		server, err := find(s.Plane, args[0])
		if err != nil {
			return err
		}
		return setState(server, state, s.Now())
	}
}

// setServer is set server BACKEND/SERVER state|weight|addr|health|maxconn ….
func (s *Server) setServer(w io.Writer, args []string) error {
	if len(args) < 3 {
		return errors.New("set server wants BACKEND/SERVER, what to set, and to what")
	}
	server, err := find(s.Plane, args[0])
	if err != nil {
		return err
	}
	switch args[1] {
	case "state":
		return setState(server, args[2], s.Now())
	case "weight":
		return setWeight(server, args[2])
	case "health":
		return setHealth(server, args[2], s.Now())
	case "addr":
		return setAddress(w, server, args[2:])
	}
	return fmt.Errorf("set server: %q is not known; there are state, weight, health and addr", args[1])
}

// setAddress is … addr ADDRESS [port PORT].
func setAddress(w io.Writer, server *pool.Server, args []string) error {
	a, err := netip.ParseAddr(args[0])
	if err != nil {
		return fmt.Errorf("%q is not an address", args[0])
	}
	port := server.Address().Port()
	if len(args) == 3 && args[1] == "port" {
		n, err := strconv.ParseUint(args[2], 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%q is not a port", args[2])
		}
		port = uint16(n)
	}
	before := server.Address()
	server.SetAddress(netip.AddrPortFrom(a, port))
	fmt.Fprintf(w, "address changed from %s to %s\n", before, server.Address())
	return nil
}

func (s *Server) setWeightCommand(_ io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("set weight wants BACKEND/SERVER and a weight")
	}
	server, err := find(s.Plane, args[0])
	if err != nil {
		return err
	}
	return setWeight(server, args[1])
}

func (s *Server) setMaxConn(_ io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("set maxconn server wants BACKEND/SERVER and a number")
	}
	server, err := find(s.Plane, args[0])
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of connections", args[1])
	}
	server.SetMaxConn(n)
	return nil
}

// showServersState prints version 1 of HAProxy's state file.
func (s *Server) showServersState(w io.Writer, args []string) error {
	fmt.Fprintln(w, "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change"+
		" srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port")
	for _, b := range s.backends(args) {
		for i, server := range b.Servers {
			operation, admin := statesOf(server)
			address := "-"
			if a := server.Address().Addr(); a.IsValid() {
				address = a.String()
			}
			since := s.Now().Sub(server.Health(s.Now()).Change)
			fmt.Fprintf(w, "%d %s %d %s %s %d %d %d %d %d 6 3 4 6 0 0 0 - %d - 0 0 - - 0\n", b.Proxy.ID, b.Name, i+1, server.Server.Name,
				address, operation, admin, server.Weight(), server.Server.Weight, int(since.Seconds()), server.Address().Port())
		}
	}
	return nil
}

func (s *Server) showServersConn(w io.Writer, args []string) error {
	fmt.Fprintln(w, "# bkname/svname bkid/svid addr port - used opened reused")
	for _, b := range s.backends(args) {
		for i, server := range b.Servers {
			t := server.Counters.Total()
			fmt.Fprintf(w, "%s/%s %d/%d %s %d - %d %d %d\n", b.Name, server.Server.Name, b.Proxy.ID, i+1, server.Address().Addr(), server.Address().Port(),
				server.Sessions.Load(), t.Opened, t.Reused)
		}
	}
	return nil
}

// backends are all, or the one that is named, in order of their ids.
func (s *Server) backends(args []string) []*pool.Backend {
	return slices.DeleteFunc(inOrder(s.Plane.Snapshot().Backends), func(b *pool.Backend) bool { return len(args) > 0 && b.Name != args[0] })
}

// inOrder are the backends by their ids.
func inOrder(backends map[string]*pool.Backend) []*pool.Backend {
	return slices.SortedFunc(maps.Values(backends), func(a, b *pool.Backend) int { return cmp.Compare(a.Proxy.ID, b.Proxy.ID) })
}

func (s *Server) showMap(w io.Writer, args []string) error {
	if len(args) == 0 {
		for i, name := range slices.Sorted(maps.Keys(s.Plane.Snapshot().Config.Compiler.Maps)) {
			fmt.Fprintf(w, "%d (%s)\n", i, name)
		}
		return nil
	}
	m, err := s.patternFile(args[0])
	if err != nil {
		return err
	}
	for i, e := range m.Entries() {
		fmt.Fprintf(w, "%d %s %s\n", i, e.Key, e.Value)
	}
	return nil
}

func (s *Server) getMap(w io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("get map wants a map and a key")
	}
	m, err := s.patternFile(args[0])
	if err != nil {
		return err
	}
	for _, e := range m.Entries() {
		if e.Key == args[1] {
			fmt.Fprintf(w, "type=str, found=yes, key=%q, value=%q\n", e.Key, e.Value)
			return nil
		}
	}
	fmt.Fprintln(w, "type=str, found=no")
	return nil
}

func (s *Server) setMap(_ io.Writer, args []string) error {
	if len(args) < 3 {
		return errors.New("set map wants a map, a key and a value")
	}
	m, err := s.patternFile(args[0])
	if err == nil && !m.Set(args[1], strings.Join(args[2:], " ")) {
		err = fmt.Errorf("map %s has no key %q", args[0], args[1])
	}
	return err
}

func (s *Server) addMap(_ io.Writer, args []string) error {
	if len(args) < 3 {
		return errors.New("add map wants a map, a key and a value")
	}
	m, err := s.patternFile(args[0])
	if err == nil {
		m.Add(args[1], strings.Join(args[2:], " "))
	}
	return err
}

func (s *Server) delMap(_ io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("del map wants a map and a key")
	}
	m, err := s.patternFile(args[0])
	if err == nil && !m.Delete(args[1]) {
		err = fmt.Errorf("map %s has no key %q", args[0], args[1])
	}
	return err
}

func (s *Server) clearMap(_ io.Writer, args []string) error {
	if len(args) != 1 {
		return errors.New("clear map wants a map")
	}
	m, err := s.patternFile(args[0])
	if err == nil {
		m.Store(nil)
	}
	return err
}

func (s *Server) showACL(w io.Writer, args []string) error {
	if len(args) == 0 {
		for i, name := range slices.Sorted(maps.Keys(s.Plane.Snapshot().Config.Compiler.Lists)) {
			fmt.Fprintf(w, "%d (%s)\n", i, name)
		}
		return nil
	}
	l, err := s.list(args[0])
	if err != nil {
		return err
	}
	for i, p := range l.Patterns() {
		fmt.Fprintf(w, "%d %s\n", i, p)
	}
	return nil
}

func (s *Server) addACL(_ io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("add acl wants a pattern file and a pattern")
	}
	l, err := s.list(args[0])
	if err == nil {
		l.Add(args[1])
	}
	return err
}

func (s *Server) delACL(_ io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("del acl wants a pattern file and a pattern")
	}
	l, err := s.list(args[0])
	if err == nil && !l.Delete(args[1]) {
		err = fmt.Errorf("%s has no pattern %q", args[0], args[1])
	}
	return err
}
