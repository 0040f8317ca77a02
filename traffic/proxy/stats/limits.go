package stats

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"holdfast/traffic/proxy/plane"
)

var limitCommands = []command{
	{"set maxconn global", Administrator, "how many clients the process takes", (*Server).setGlobalMaxConn, nil},
	{"set maxconn frontend", Administrator, "how many clients a frontend takes", (*Server).setFrontendMaxConn, nil},
	{"set rate-limit connections global", Administrator, "how many clients may come within a second; 0: any number", setRateOf(func(p *plane.Plane) *atomic.Int64 { return &p.ConnectionLimit }), nil},
	{"set rate-limit sessions global", Administrator, "the same", setRateOf(func(p *plane.Plane) *atomic.Int64 { return &p.SessionLimit }), nil},
	{"set rate-limit ssl-sessions global", Administrator, "how many clients with TLS may come within a second; 0: any number", setRateOf(func(p *plane.Plane) *atomic.Int64 { return &p.SecureLimit }), nil},
	{"set rate-limit http-compression global", Administrator, "how many kilobytes may be compressed within a second; 0: any number",
		setRateOf(func(p *plane.Plane) *atomic.Int64 { return &p.CodingLimit }), nil},
	{"disable frontend", Administrator, "refuse new clients of a frontend", suspend(true), nil},
	{"enable frontend", Administrator, "take them again", suspend(false), nil},
	{"shutdown frontend", Administrator, "close a frontend's sockets for good", (*Server).shutdownFrontend, nil},
}

// oneNumber reads the last of so many words.
func oneNumber(args []string, words int) (int64, error) {
	if len(args) != words {
		return 0, errors.New("value expected")
	}
	n, err := strconv.ParseInt(args[words-1], 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number from 0 on", args[words-1])
	}
	return n, nil
}

func (s *Server) setGlobalMaxConn(_ io.Writer, args []string) error {
	n, err := oneNumber(args, 1)
	if err != nil {
		return err
	}
	if hard := int64(s.Plane.Snapshot().Config.Global.MaxConn); hard > 0 && (n == 0 || n > hard) {
		n = hard // descriptors were asked for as many
	}
	s.Plane.SetMaxConn(n)
	return nil
}

func (s *Server) frontend(args []string) (*plane.Frontend, error) {
	if len(args) == 0 {
		return nil, errors.New("a frontend name is expected")
	}
	for _, f := range s.Plane.Snapshot().Frontends {
		if f.Name == args[0] || args[0] == "#"+strconv.Itoa(f.ID) {
			return f, nil
		}
	}
	return nil, errors.New("no such frontend")
}

func (s *Server) setFrontendMaxConn(_ io.Writer, args []string) error {
	f, err := s.frontend(args)
	if err != nil {
		return err
	}
	n, err := oneNumber(args, 2)
	if err == nil {
		s.Plane.SetFrontendMaxConn(f, n)
	}
	return err
}

func setRateOf(limit func(*plane.Plane) *atomic.Int64) func(*Server, io.Writer, []string) error {
	return func(s *Server, _ io.Writer, args []string) error {
		n, err := oneNumber(args, 1)
		if err == nil {
			limit(s.Plane).Store(n)
		}
		return err
	}
}

func suspend(on bool) func(*Server, io.Writer, []string) error {
	return func(s *Server, _ io.Writer, args []string) error {
		f, err := s.frontend(args)
		if err != nil {
			return err
		}
		if f.Closed.Load() {
			return errors.New("frontend was previously shut down, cannot be changed")
		}
		s.Plane.Suspend(f, on)
		return nil
	}
}

func (s *Server) shutdownFrontend(_ io.Writer, args []string) error {
	f, err := s.frontend(args)
	if err != nil {
		return err
	}
	if f.Closed.Load() {
		return errors.New("frontend was already shut down")
	}
	s.Plane.CloseFrontend(f)
	return nil
}
