package stats

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
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
		if server.Leader() != server {
			return errors.New("health cannot be changed on a server that tracks another")
		}
		return setHealth(server, args[2], s.Now())
	case "addr":
		return setAddress(w, server, args[2:])
	case "agent", "agent-addr", "agent-port", "agent-send":
		if !server.Agent {
			err := errors.New("agent checks are not enabled on this server")
			if args[1] == "agent-addr" || args[1] == "agent-port" {
				return warned{err}
			}
			return err
		}
		if args[1] == "agent" {
			return s.setAgent(server, args[2])
		}
		return setAsking(server, args[1], args[2:])
	case "check-addr", "check-port":
		if !server.Server.Check {
			return warned{errors.New("health checks are not enabled on this server")}
		}
		return setAsking(server, args[1], args[2:])
	case "fqdn":
		if server.Resolvers == "" || s.Rename == nil {
			return errors.New("could not update the name: the server has no resolvers")
		}
		before := server.FQDN()
		s.Rename(server, args[2])
		tell(w, warning, "%s/%s changed its FQDN from %s to %s by 'stats socket command'", server.Backend.Name, server.Server.Name, before, args[2])
		return nil
	case "ssl":
		return setSecure(w, server, args[2])
	}
	return errors.New(setServerUsage)
}

func setSecure(w io.Writer, server *pool.Server, state string) error {
	switch {
	case server.Server.TLS == nil:
		return errors.New("'set server <srv> ssl' cannot be set: the server's line has no ssl")
	case state != "on" && state != "off":
		return errors.New("'set server <srv> ssl' expects 'on' or 'off'")
	}
	server.SetSecure(state == "on")
	tell(w, notice, "The server's TLS is %s for clients' requests.", state)
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

// setAsking is … agent-send TEXT, … agent-addr or check-addr ADDRESS [port PORT], and … agent-port or check-port PORT, where 0 stands for the server's own.
func setAsking(server *pool.Server, what string, args []string) error {
	a := server.Asking()
	at := &a.Agent
	if strings.HasPrefix(what, "check") {
		at = &a.Check
	}
	port := func(text string) error {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return warned{fmt.Errorf("provided port '%s' is not a number from 0 to 65535", text)}
		}
		*at = netip.AddrPortFrom(at.Addr(), uint16(n))
		return nil
	}
	switch {
	case what == "agent-send":
		a.AgentSend = args[0]
	case strings.HasSuffix(what, "port"):
		if err := port(args[0]); err != nil {
			return err
		}
	default:
		address, err := addressOf(args[0])
		if err != nil {
			return warned{err}
		}
		*at = netip.AddrPortFrom(address, at.Port())
		if len(args) > 1 && args[1] == "port" {
			if err := port(strings.Join(args[2:], " ")); err != nil {
				return err
			}
		}
	}
	server.SetAsking(a)
	return nil
}

// addressOf is an address, or that of a name.
func addressOf(text string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return a, nil
	}
	if all, err := net.LookupIP(text); err == nil {
		for _, ip := range all {
			if a, ok := netip.AddrFromSlice(ip); ok {
				return a.Unmap(), nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("invalid addr '%s'", text)
}

// setAddress is … addr ADDRESS [port PORT].
func setAddress(w io.Writer, server *pool.Server, args []string) error {
	a, err := netip.ParseAddr(args[0])
	if err != nil {
		return warned{fmt.Errorf("invalid addr '%s'", args[0])}
	}
	before := server.Address()
	port := before.Port()
	if len(args) == 2 && args[1] == "port" {
		return warned{errors.New("a port is missing behind 'port'")}
	}
	if len(args) == 3 && args[1] == "port" {
		n, err := strconv.ParseUint(args[2], 10, 16)
		if err != nil || n == 0 {
			return warned{fmt.Errorf("provided port '%s' is not a port", args[2])}
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
	tell(w, warning, "%s by 'stats socket command'", strings.Join(changes, ", "))
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
	c, err := config.NewServer(snapshot.Config, b.Proxy, name, args[1:])
	if err != nil {
		return err
	}
	if err := snapshot.Secure(c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case b.Find(name) != nil:
		return errors.New("already exists a server with the same name in backend")
	case c.ID > 0 && slices.ContainsFunc(b.Servers(), func(other *pool.Server) bool { return other.Number == c.ID }):
		return fmt.Errorf("the backend has a server with the id %d", c.ID)
	}
	leader, err := s.leader(b, c.Track)
	if err != nil {
		return err
	}
	server := b.Add(c, leader)
	if s.Health != nil {
		s.Health.Add(server)
	}
	tell(w, inform, "New server registered.")
	return nil
}

// leader is the server that one of a backend is to track; nil: none.
func (s *Server) leader(b *pool.Backend, track string) (*pool.Server, error) {
	if track == "" {
		return nil, nil
	}
	if !strings.Contains(track, "/") {
		track = b.Name + "/" + track
	}
	leader, err := find(s.Plane, track)
	switch {
	case err != nil:
		return nil, fmt.Errorf("track: %w", err)
	case leader.Track != "":
		return nil, fmt.Errorf("track: %s tracks another itself; name that one", track)
	case !leader.Server.Check && !leader.Agent:
		return nil, fmt.Errorf("track: %s is not checked", track)
	}
	return leader, nil
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
	case len(server.Followers()) > 0:
		return errors.New("this server cannot be removed at runtime due to other configuration elements pointing to it")
	}
	server.Leave()
	server.Backend.Remove(server)
	if s.Health != nil {
		s.Health.Remove(server)
	}
	s.Plane.ForgetServer(server)
	tell(w, inform, "Server deleted.")
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
			place := addressOrNone(a)
			used := server.Sessions.Load()
			fmt.Fprintf(w, "%s/%s %d/%d %s %d - %d %d %d %d 0 %d %d %d", b.Name, server.Server.Name, b.Proxy.ID, server.Number, place, a.Port(),
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
