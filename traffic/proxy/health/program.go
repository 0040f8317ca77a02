package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"holdfast/traffic/director/check"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// askProgram runs the program of external-check. It is told of the server in its arguments and its environment, as HAProxy's manual has it.
func (c *Checker) askProgram(ctx context.Context, s *pool.Server) pool.Result {
	h := &s.Backend.Check
	if !c.Global.ExternalOK {
		return pool.Result{Status: "PROCERR", Code: -1, Why: "external checks are not allowed: global has no external-check"}
	}
	address, port := "NOT_USED", "NOT_USED"
	if binds := s.Backend.Binds; len(binds) > 0 {
		if address = binds[0].Path; binds[0].Network == "tcp" {
			address, port = binds[0].Address.Addr().String(), strconv.Itoa(int(binds[0].Address.Port()))
		}
	}
	to, at := s.Address().Addr().String(), strconv.Itoa(int(s.Address().Port()))
	if s.Path != "" {
		to, at = s.Path, "NOT_USED"
	}
	search := h.Path
	if search == "" {
		search = os.Getenv("PATH")
	}
	limits := limitsOf(s)
	one := check.Check{Protocol: check.External, Target: s.Address(), Timeout: limits.connect + limits.answer, Command: []string{found(h.Command, search), address, port, to, at},
		Environment: environment(s, search, map[string]string{"PROXY_ADDR": address, "PROXY_PORT": port, "SERVER_ADDR": to, "SERVER_PORT": at})}
	err := one.Run(ctx)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return pool.Result{Passed: true, Status: "PROCOK", Code: 0}
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "no answer within"):
		return pool.Result{Status: "PROCTOUT", Code: -1, Why: err.Error()}
	case errors.As(err, &exit) && exit.Exited():
		return pool.Result{Status: "PROCERR", Code: exit.ExitCode(), Why: err.Error()}
	}
	return pool.Result{Status: "PROCERR", Code: -1, Why: err.Error()}
}

// found is where a program without a directory is within the directories of a search path.
func found(command, search string) string {
	if strings.Contains(command, "/") {
		return command
	}
	for _, dir := range filepath.SplitList(search) {
		file := filepath.Join(dir, command)
		if info, err := os.Stat(file); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
			return file
		}
	}
	return command
}

func environment(s *pool.Server, search string, more map[string]string) []string {
	all := []string{"PATH=" + search, "HAPROXY_PROXY_NAME=" + s.Backend.Name, fmt.Sprintf("HAPROXY_PROXY_ID=%d", s.Backend.ID), "HAPROXY_SERVER_NAME=" + s.Server.Name,
		fmt.Sprintf("HAPROXY_SERVER_ID=%d", s.Number), fmt.Sprintf("HAPROXY_SERVER_MAXCONN=%d", s.MaxConn()), fmt.Sprintf("HAPROXY_SERVER_CURCONN=%d", s.Sessions.Load()),
		"HAPROXY_SERVER_SSL=" + digit(s.TLS != nil), "HAPROXY_SERVER_PROTO=" + spoken(s.Server)}
	for name, value := range more {
		all = append(all, "HAPROXY_"+name+"="+value)
	}
	return all
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

func spoken(s *config.Server) string {
	if s.HTTP2 {
		return "h2"
	}
	return "tcp"
}
