package stats

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/pool"
)

// find finds a server by BACKEND/SERVER; either may be #ID.
func find(p *plane.Plane, name string) (*pool.Server, error) {
	back, server, ok := strings.Cut(name, "/")
	if !ok {
		return nil, fmt.Errorf("%q: write BACKEND/SERVER", name)
	}
	b, err := findBackend(p, back)
	if err != nil {
		return nil, err
	}
	if s := b.Find(server); s != nil {
		return s, nil
	}
	if id, ok := strings.CutPrefix(server, "#"); ok {
		for _, s := range b.Servers() {
			if id == strconv.Itoa(s.Number) {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("no such server: backend %s has no %q", back, server)
}

func findBackend(p *plane.Plane, name string) (*pool.Backend, error) {
	if b := p.Snapshot().Backends[name]; b != nil {
		return b, nil
	}
	if id, ok := strings.CutPrefix(name, "#"); ok {
		for _, b := range p.Snapshot().Backends {
			if id == strconv.Itoa(b.Proxy.ID) {
				return b, nil
			}
		}
	}
	return nil, fmt.Errorf("no such backend: %q", name)
}

// setState changes what the administrator wants of a server: ready, drain or maint.
func setState(s *pool.Server, state string, now time.Time) error {
	states := map[string]pool.Admin{"ready": pool.Ready, "drain": pool.Drain, "maint": pool.Maintenance}
	a, ok := states[state]
	if !ok {
		return fmt.Errorf("state takes ready, drain or maint, not %q", state)
	}
	s.SetAdmin(a, now)
	return nil
}

// setWeight takes a weight, or a percentage of the one that is configured.
func setWeight(s *pool.Server, text string) error {
	percent, relative := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(percent)
	if err != nil || n < 0 || n > 256 && !relative {
		return fmt.Errorf("weight takes a number from 0 to 256, or a percentage, not %q", text)
	}
	if relative {
		n = min(256, s.Server.Weight*n/100)
	}
	s.SetWeight(n)
	return nil
}

// setHealth overrules the checks until their next answer.
func setHealth(s *pool.Server, state string, now time.Time) error {
	switch state {
	case "up":
		s.SetStopping(false, now)
		s.Overrule(true, now)
	case "down":
		s.Overrule(false, now)
	case "stopping":
		s.SetStopping(true, now)
	default:
		return fmt.Errorf("health takes up, stopping or down, not %q", state)
	}
	return nil
}

// dynamicCookies switches a backend's dynamic cookies.
func dynamicCookies(on bool) func(*Server, io.Writer, []string) error {
	return func(s *Server, _ io.Writer, args []string) error {
		if len(args) != 1 {
			return errors.New("a backend is expected")
		}
		b, err := findBackend(s.Plane, args[0])
		if err != nil {
			return err
		}
		key := ""
		if on {
			key = b.CookieKey
		}
		b.DynamicCookies(key)
		return nil
	}
}

func (s *Server) setCookieKey(_ io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("a backend and a key are expected")
	}
	b, err := findBackend(s.Plane, args[0])
	if err == nil {
		b.DynamicCookies(args[1])
	}
	return err
}
