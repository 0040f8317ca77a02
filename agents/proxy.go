package agents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy"
)

// proxyAgent is the load balancer of layer 7 as a cluster's resource.
var proxyAgent = agent{
	metadata: proxyMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startProxy, "stop": stopProxy, "monitor": monitorProxy, "status": monitorProxy,
		"reload": reloadProxy, "validate-all": validateProxy, "serve": keepProxy,
	},
}

var proxyMetadata = metadata{
	name: "proxy", short: "Load balancer at layer 7", timeout: "30s", more: []string{"reload"},
	long: `A load balancer at layer 7: runs a haproxy.cfg. A reload loses no connection. As a clone it keeps its checks warm on every host; the floating addresses decide which one has the clients, and what listens on them says "transparent". What operators made of servers, and what checks found, is shared among the cluster's hosts: a proxy that starts on another host begins with it.`,
	parameters: []parameter{
		{name: "configfile", short: "Configuration", long: "The configuration, or a directory of which all files that end in .cfg are read.", standard: "/etc/haproxy/haproxy.cfg", unique: true},
		{name: "share_states", short: "Share the servers' states", long: "Whether the states of servers are shared among the cluster's hosts.", kind: "boolean", standard: "true"},
	},
}

const (
	proxyTime     = time.Minute      // how long the proxy may take to serve; the cluster's own timeout is shorter in practice
	proxyPatience = 10 * time.Second // between asking it to end and killing it
)

func (c Call) proxyConfig() string { return c.parameter("configfile", "/etc/haproxy/haproxy.cfg") }

// proxyPID is the file into which the proxy's master writes its process number. Its path stands in the master's command line, too:
// a process that came to have the number later is not taken for it.
func (c Call) proxyPID() string {
	return filepath.Join(c.stateDir(), "holdfast-proxy-"+c.instance()+".pid")
}

// findProxy returns the running master, or nil. The caller closes it.
func (c Call) findProxy() (*daemon, error) {
	file := c.proxyPID()
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 2 {
		return nil, fmt.Errorf("pid file %s holds %q: want a process number; remove it when the proxy does not run", file, text)
	}
	return findDaemon(pid, func() bool {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err == nil && slices.Contains(strings.Split(string(line), "\x00"), file)
	})
}

func validateProxy(c Call) (int, error) {
	if _, err := os.Stat(c.proxyConfig()); err != nil {
		return notInstalled, fmt.Errorf("parameter configfile of %s: %w", c.instance(), err)
	}
	var said bytes.Buffer
	if proxy.Main([]string{"-c", "-q", "-f", c.proxyConfig()}, nil, io.Discard, &said) != 0 {
		return badConfigured, errors.New(strings.TrimSpace(said.String()))
	}
	return success, nil
}

// startProxy returns when the proxy serves.
func startProxy(c Call) (int, error) {
	running, err := c.findProxy()
	if err != nil {
		return genericError, err
	}
	if running != nil {
		running.close()
		return success, nil
	}
	if status, err := validateProxy(c); status != success {
		return status, err
	}
	if err := os.MkdirAll(c.stateDir(), 0o755); err != nil {
		return genericError, err
	}
	words := []string{"-W", "-D", "-f", c.proxyConfig(), "-p", c.proxyPID(), "-S", c.proxySocket()}
	shared := c.shares()
	if shared {
		if err := c.prepareStates(); err != nil {
			fmt.Fprintf(c.Stderr, "the servers begin as configured: %v\n", err)
		}
		words = append(words, "--states", c.proxyStates())
	}
	ctx, cancel := context.WithTimeout(context.Background(), proxyTime)
	defer cancel()
	// What the daemon says later goes to its own log: a pipe to this process would end with it.
	said, err := os.CreateTemp("", "holdfast-proxy")
	if err != nil {
		return genericError, err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	command := exec.CommandContext(ctx, "/proc/self/exe", words...)
	command.Args[0] = "haproxy"
	command.Stderr = said
	if err := command.Run(); err != nil {
		why, _ := os.ReadFile(said.Name())
		return genericError, fmt.Errorf("start the proxy: %w: %s", err, strings.TrimSpace(string(why)))
	}
	if shared {
		if err := c.startKeeper(); err != nil {
			fmt.Fprintf(c.Stderr, "what becomes of the servers is not shared: %v\n", err)
		}
	}
	return success, nil
}

func stopProxy(c Call) (int, error) {
	if err := c.stopKeeper(); err != nil {
		return genericError, err
	}
	running, err := c.findProxy()
	if err != nil {
		return genericError, err
	}
	if running == nil {
		return success, nil
	}
	defer running.close()
	if err := running.end(proxyPatience); err != nil {
		return genericError, fmt.Errorf("stop the proxy: %w", err)
	}
	return success, pidFile(c.proxyPID()).remove()
}

// reloadProxy has the master read a configuration that is valid.
func reloadProxy(c Call) (int, error) {
	running, err := c.findProxy()
	if err != nil {
		return genericError, err
	}
	if running == nil {
		return notRunning, nil
	}
	defer running.close()
	if status, err := validateProxy(c); status != success {
		return status, err
	}
	if err := unix.PidfdSendSignal(running.fd, unix.SIGUSR2, nil, 0); err != nil {
		return genericError, fmt.Errorf("reload the proxy: %w", err)
	}
	return success, nil
}

func monitorProxy(c Call) (int, error) {
	running, err := c.findProxy()
	if err != nil {
		return genericError, err
	}
	if running == nil {
		return notRunning, nil
	}
	running.close()
	if c.shares() {
		if err := c.startKeeper(); err != nil { // the proxy is none the worse
			fmt.Fprintf(c.Stderr, "what becomes of the servers is not shared: %v\n", err)
		}
	}
	return success, nil
}
