package stats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

var serverCommands = []command{
	{"show servers state", User, "the servers' states, in the form of a state file", (*Server).showServersState, nil},
	{"show servers touched", User, "the same, of those whose state has changed since the process began", (*Server).showServersTouched, nil},
	{"show servers conn", User, "the servers' connections", (*Server).showServersConn, nil},
	{"show backend", User, "the backends' names", (*Server).showBackends, nil},
	{"get weight", User, "a server's weight, now and as configured", (*Server).getWeight, nil},
	{"set server", Administrator, "state, weight, addr, health, agent, where checks are sent: BACKEND/SERVER WHAT VALUE", (*Server).setServer, nil},
	{"set weight", Administrator, "a server's weight", (*Server).setWeightCommand, nil},
	{"set maxconn server", Administrator, "a server's limit of connections", (*Server).setMaxConn, nil},
	{"enable server", Administrator, "have a server take clients", stateCommand("ready"), nil},
	{"disable server", Administrator, "put a server into maintenance", stateCommand("maint"), nil},
	{"enable health", Administrator, "go on with a server's checks", restCommand(false, false), nil},
	{"disable health", Administrator, "have a server's checks rest", restCommand(false, true), nil},
	{"enable agent", Administrator, "go on with asking a server's agent", restCommand(true, false), nil},
	{"disable agent", Administrator, "have the questions to a server's agent rest", restCommand(true, true), nil},
	{"add server", Administrator, "a new server: BACKEND/SERVER ADDRESS [options]; it begins in maintenance", (*Server).addServer, nil},
	{"del server", Administrator, "take out a server that is in maintenance and has no connections", (*Server).delServer, nil},
	{"set dynamic-cookie-key backend", Administrator, "the secret of a backend's dynamic cookies", (*Server).setCookieKey, nil},
	{"enable dynamic-cookie backend", Administrator, "name a backend's servers by their addresses and the secret", dynamicCookies(true), nil},
	{"disable dynamic-cookie backend", Administrator, "do so no more", dynamicCookies(false), nil},
	{"shutdown sessions server", Administrator, "end all sessions with a server", (*Server).shutdownServer, nil},
}

// oneServer finds the server that the first word names.
func (s *Server) oneServer(args []string) (*pool.Server, error) {
	if len(args) == 0 {
		return nil, errors.New("require 'backend/server'")
	}
	return find(s.Plane, args[0])
}

func stateCommand(state string) func(*Server, io.Writer, []string) error {
	return func(s *Server, _ io.Writer, args []string) error {
		server, err := s.oneServer(args)
		if err != nil {
			return err
		}
		return setState(server, state, s.Now())
	}
}

func restCommand(agent, rest bool) func(*Server, io.Writer, []string) error {
	return func(s *Server, _ io.Writer, args []string) error {
		server, err := s.oneServer(args)
		switch {
		case err != nil:
			return err
		case agent && !server.Agent && !rest:
			return errors.New("agent was not configured on this server, cannot enable")
		case !agent && !server.Server.Check && !rest:
			return errors.New("health check was not configured on this server, cannot enable")
		}
		server.Rest(agent, rest)
		return nil
	}
}

const setServerUsage = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | fqdn | health | ssl | state | weight"

// setServer is set server BACKEND/SERVER WHAT VALUE….
func (s *Server) setServer(w io.Writer, args []string) error {
	server, err := s.oneServer(args)
	if err != nil {
		return err
	}
	if len(args) < 3 {
		return errors.New(setServerUsage)
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
	case "agent", "agent-addr", "agent-port", "agent-send":
		if !server.Agent {
			return errors.New("agent checks are not enabled on this server")
		}
		if args[1] == "agent" {
			return s.setAgent(server, args[2])
		}
		return setAsking(server, args[1], args[2])
	case "check-addr", "check-port":
		if !server.Server.Check {
			return errors.New("health checks are not enabled on this server")
		}
		return setAsking(server, args[1], args[2])
	case "fqdn":
		if server.Resolvers == "" || s.Rename == nil {
			return errors.New("could not update the name: the server has no resolvers")
		}
		s.Rename(server, args[2])
		return nil
	case "ssl":
		return setSecure(server, args[2])
	}
	return errors.New(setServerUsage)
}

func setSecure(server *pool.Server, state string) error {
	switch {
	case server.Server.TLS == nil:
		return errors.New("'set server <srv> ssl' cannot be set: the server's line has no ssl")
	case state != "on" && state != "off":
		return errors.New("'set server <srv> ssl' expects 'on' or 'off'")
	}
	server.SetSecure(state == "on")
	return nil
}

func (s *Server) setAgent(server *pool.Server, state string) error {
	switch state {
	case "up":
		server.SetAgent(pool.Ready, s.Now())
	case "down":
		server.SetAgent(pool.Maintenance, s.Now())
	default:
		return errors.New("'set server <srv> agent' expects 'up' or 'down'")
	}
	return nil
}

func setAsking(server *pool.Server, what, value string) error {
	a := server.Asking()
	at := &a.Agent
	if strings.HasPrefix(what, "check") {
		at = &a.Check
	}
	switch {
	case what == "agent-send":
		a.AgentSend = value
	case strings.HasSuffix(what, "addr"):
		address, err := netip.ParseAddr(value)
		if err != nil {
			return fmt.Errorf("%q is not an address", value)
		}
		*at = netip.AddrPortFrom(address, at.Port())
	default:
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil || port == 0 {
			return errors.New("provided port is not an integer")
		}
		*at = netip.AddrPortFrom(at.Addr(), uint16(port))
	}
	server.SetAsking(a)
	return nil
}

// setAddress is … addr ADDRESS [port PORT].
func setAddress(w io.Writer, server *pool.Server, args []string) error {
	a, err := netip.ParseAddr(args[0])
	if err != nil {
		return fmt.Errorf("invalid addr '%s'", args[0])
	}
	before := server.Address()
	port := before.Port()
	if len(args) == 3 && args[1] == "port" {
		n, err := strconv.ParseUint(args[2], 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("provided port '%s' is not a port", args[2])
		}
		port = uint16(n)
	}
	after := netip.AddrPortFrom(a, port)
	server.SetAddress(after)
	var changes []string
	if before.Addr() != after.Addr() {
		changes = append(changes, fmt.Sprintf("IP changed from '%s' to '%s'", before.Addr(), after.Addr()))
	} else {
		changes = append(changes, "no need to change the addr")
	}
	switch {
	case before.Port() != after.Port():
		changes = append(changes, fmt.Sprintf("port changed from '%d' to '%d'", before.Port(), after.Port()))
	case len(args) == 3:
		changes = append(changes, "no need to change the port")
	}
	fmt.Fprintf(w, "%s by 'stats socket command'\n", strings.Join(changes, ", "))
	return nil
}

func (s *Server) setWeightCommand(_ io.Writer, args []string) error {
	server, err := s.oneServer(args)
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return errors.New("require <weight> or <weight%>")
	}
	return setWeight(server, args[1])
}

func (s *Server) getWeight(w io.Writer, args []string) error {
	server, err := s.oneServer(args)
	if err == nil {
		fmt.Fprintf(w, "%d (initial %d)\n", server.Weight(), server.Server.Weight)
	}
	return err
}

func (s *Server) setMaxConn(_ io.Writer, args []string) error {
	server, err := s.oneServer(args)
	if err != nil {
		return err
	}
	n, err := oneNumber(args, 2)
	if err == nil {
		server.SetMaxConn(n)
	}
	return err
}

// addServer is add server BACKEND/SERVER ADDRESS [options].
func (s *Server) addServer(w io.Writer, args []string) error {
	if len(args) < 2 {
		return errors.New("add server wants BACKEND/SERVER and an address")
	}
	back, name, ok := strings.Cut(args[0], "/")
	if !ok {
		return errors.New("require 'backend/server'")
	}
	b, err := findBackend(s.Plane, back)
	if err != nil {
		return err
	}
	snapshot := s.Plane.Snapshot()
	c, err := config.NewServer(snapshot.Config, name, args[1:])
	if err != nil {
		return err
	}
	if err := snapshot.Secure(c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Find(name) != nil {
		return errors.New("already exists a server with the same name in backend")
	}
	server := b.Add(c)
	if s.Health != nil {
		s.Health.Add(server)
	}
	fmt.Fprintln(w, "New server registered.")
	return nil
}

func (s *Server) delServer(w io.Writer, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	server, err := s.oneServer(args)
	switch {
	case err != nil:
		return err
	case server.Admin() != pool.Maintenance:
		return errors.New("only servers in maintenance mode can be deleted")
	case server.Sessions.Load() > 0 || server.Queued.Load() > 0:
		return errors.New("server still has connections attached to it, cannot remove it")
	case len(server.Followers()) > 0 || server.Track != "":
		return errors.New("this server cannot be removed at runtime due to other configuration elements pointing to it")
	}
	server.Backend.Remove(server)
	if s.Health != nil {
		s.Health.Remove(server)
	}
	s.Plane.ForgetServer(server)
	fmt.Fprintln(w, "Server deleted.")
	return nil
}

func (s *Server) shutdownServer(_ io.Writer, args []string) error {
	server, err := s.oneServer(args)
	if err == nil {
		s.Plane.EndSessions(func(other *pool.Server) bool { return other == server })
	}
	return err
}

// showServersState prints version 1 of HAProxy's state file.
func (s *Server) showServersState(w io.Writer, args []string) error {
	backends, err := s.backends(args)
	if err != nil {
		return err
	}
	_, _ = io.WriteString(w, stateHeader)
	for _, b := range backends {
		for _, server := range b.Servers() {
			_, _ = io.WriteString(w, stateLine(server, server.Weight(), s.Now()))
		}
	}
	return nil
}

// showServersTouched prints the same of the servers whose state has changed since the process began. The weight of those whom an agent or a name
// server gives one is the configured one: an operator has not set it.
func (s *Server) showServersTouched(w io.Writer, _ []string) error {
	backends, err := s.backends(nil)
	if err != nil {
		return err
	}
	_, _ = io.WriteString(w, stateHeader)
	for _, b := range backends {
		for _, server := range b.Servers() {
			if !server.Touched() {
				continue
			}
			weight := server.Weight()
			if server.Agent || server.Resolvers != "" {
				weight = server.Server.Weight
			}
			_, _ = io.WriteString(w, stateLine(server, weight, s.Now()))
		}
	}
	return nil
}

func (s *Server) showServersConn(w io.Writer, args []string) error {
	backends, err := s.backends(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[%d]\n", s.Plane.Loops())
	idle := s.Plane.IdleConnections()
	for _, b := range backends {
		for _, server := range b.Servers() {
			own := idle[server]
			sum := 0
			for _, n := range own {
				sum += n
			}
			a := server.Address()
			used := server.Sessions.Load()
			fmt.Fprintf(w, "%s/%s %d/%d %s %d - %d %d %d %d 0 %d %d %d", b.Name, server.Server.Name, b.Proxy.ID, server.Number, a.Addr(), a.Port(),
				server.PoolPurge.Milliseconds(), used, used, used, sum, server.PoolMax, sum)
			for i := range s.Plane.Loops() {
				n := 0
				if own != nil {
					n = own[i]
				}
				fmt.Fprintf(w, " %d", n)
			}
			fmt.Fprintln(w)
		}
	}
	return nil
}

func (s *Server) showBackends(w io.Writer, _ []string) error {
	fmt.Fprintln(w, "# name")
	for _, b := range inOrder(s.Plane.Snapshot().Backends) {
		fmt.Fprintln(w, b.Name)
	}
	return nil
}

// backends are all, or the one that is named, in order of their ids.
func (s *Server) backends(args []string) ([]*pool.Backend, error) {
	if len(args) > 0 {
		b, err := findBackend(s.Plane, args[0])
		return []*pool.Backend{b}, err
	}
	return inOrder(s.Plane.Snapshot().Backends), nil
}

// inOrder are the backends by their ids.
func inOrder(backends map[string]*pool.Backend) []*pool.Backend {
	return slices.SortedFunc(maps.Values(backends), func(a, b *pool.Backend) int { return cmp.Compare(a.Proxy.ID, b.Proxy.ID) })
}
