package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"holdfast/atomicfile"
	"holdfast/cluster/node/client"
)

// Beside a proxy that is a cluster's resource runs its keeper, a process of its own: it publishes what the proxy knows of its servers to all hosts of the
// cluster, and tells the proxy what operators said elsewhere. What it publishes is a private attribute of each host, one for each host that
// publishes: every host thus has what the others knew, also when they have died without a word. A proxy that starts anywhere begins with that.

// Times of the keeper.
const (
	keeperPause    = 300 * time.Millisecond // between two looks
	keeperShare    = 20                     // a pause is at least so many times what the look before it took
	keeperHosts    = 2 * time.Second        // between two looks at who belongs to the cluster
	keeperPatience = 5 * time.Second        // for one answer
	publishPause   = time.Second            // between two that are published
)

func (c Call) proxyStates() string {
	return filepath.Join(c.stateDir(), "holdfast-proxy-"+c.instance()+".states")
}
func (c Call) proxySocket() string {
	return filepath.Join(c.stateDir(), "holdfast-proxy-"+c.instance()+".sock")
}
func (c Call) keeperPID() pidFile {
	return pidFile(filepath.Join(c.stateDir(), "holdfast-proxy-"+c.instance()+".keeper.pid"))
}

// shares tells whether states are shared: where Holdfast's cluster runs on this host, unless the resource says otherwise.
func (c Call) shares() bool {
	if !c.boolean("share_states", true) {
		return false
	}
	cluster := client.New(c.Getenv("HOLDFAST_ROOT"))
	defer cluster.Close()
	return cluster.Running()
}

// attributePrefix begins the names of the resource's attributes; behind it stands the host that published.
func (c Call) attributePrefix() string {
	resource, _, _ := strings.Cut(c.instance(), ":") // of a clone all instances share
	return "proxy-states-" + resource + "@"
}

// keeper is the running keeper.
type keeper struct {
	call      Call
	cluster   *client.Client
	host      string // this one
	states    *serverStates
	published string    // last
	since     time.Time // when that was
	looked    time.Time // at who belongs to the cluster
	written   string    // the file of states, without times
}

func (c Call) newKeeper(ctx context.Context) (*keeper, error) {
	k := &keeper{call: c, cluster: client.New(c.Getenv("HOLDFAST_ROOT")), states: newServerStates()}
	status, err := k.cluster.ClusterStatus(ctx)
	if err != nil {
		k.cluster.Close()
		return nil, err
	}
	k.host = status.Host
	return k, nil
}

// prepareStates writes the file that a proxy begins with: what the hosts of the cluster know of its servers. Nothing of it keeps the proxy from
// starting: where the cluster does not answer, an earlier file is as good.
func (c Call) prepareStates() error {
	if _, err := os.Stat(c.proxyStates()); errors.Is(err, fs.ErrNotExist) {
		if err := writeStates(c.proxyStates(), newServerStates().file(time.Now())); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeperPatience)
	defer cancel()
	k, err := c.newKeeper(ctx)
	if err != nil {
		return err
	}
	defer k.cluster.Close()
	if err := k.hear(ctx, true); err != nil {
		return err
	}
	return writeStates(c.proxyStates(), k.states.file(time.Now()))
}

// startKeeper has the keeper run.
func (c Call) startKeeper() error {
	running, err := c.keeperPID().find()
	if err != nil {
		return err
	}
	if running != nil {
		running.close()
		return nil
	}
	return c.keeperPID().spawn(c.Path)
}

func (c Call) stopKeeper() error {
	running, err := c.keeperPID().find()
	if err != nil || running == nil {
		return err
	}
	defer running.close()
	if err := running.end(stopPatience); err != nil {
		return fmt.Errorf("stop the keeper of the servers' states: %w", err)
	}
	return c.keeperPID().remove()
}

// keepProxy is the keeper's process. Asked to end it publishes what has happened last.
func keepProxy(c Call) (int, error) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	var k *keeper
	for last := false; ; {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), keeperPatience)
		if k == nil {
			if made, err := c.newKeeper(ctx); err == nil {
				if text, err := os.ReadFile(c.proxyStates()); err == nil {
					made.states.begin(string(text))
				}
				if k = made; made.hear(ctx, true) != nil {
					made.cluster.Close()
					k = nil
				}
			}
		}
		if k != nil {
			k.look(ctx, last)
		}
		cancel()
		if last {
			return success, nil
		}
		select {
		case <-time.After(max(keeperPause, keeperShare*time.Since(begun))):
		case <-asked:
			last = true
		}
	}
}

// look goes round once. What fails is tried again the next time: hosts and proxies come and go.
func (k *keeper) look(ctx context.Context, last bool) {
	_ = k.hear(ctx, false)
	shown, err := k.ask("show servers touched")
	if err != nil {
		return
	}
	k.states.observe(shown, time.Now())
	if commands := k.states.commands(); len(commands) > 0 {
		_, _ = k.ask(commands...)
	}
	_ = k.publish(ctx, last)
	k.keepFile()
}

// hear takes what other hosts published to this one; with own also what this one did, before the keeper began.
func (k *keeper) hear(ctx context.Context, own bool) error {
	all, err := k.cluster.Attributes(ctx, "", k.host)
	if err != nil {
		return err
	}
	for _, a := range all {
		from, ours := strings.CutPrefix(a.Name, k.call.attributePrefix())
		if ours && (own || from != k.host) {
			err = errors.Join(err, k.states.learn(a.Value))
		}
	}
	return err
}

// publish has every host of the cluster know what is known here; at once when it is the last time.
func (k *keeper) publish(ctx context.Context, last bool) error {
	now := time.Now()
	if k.states.changed && (last || now.Sub(k.since) >= publishPause) {
		text, err := k.states.encode()
		if err != nil {
			return err
		}
		k.published, k.since, k.looked = text, now, time.Time{}
	}
	if k.published == "" || now.Sub(k.looked) < keeperHosts {
		return nil
	}
	k.looked = now
	name := k.call.attributePrefix() + k.host
	status, err := k.cluster.ClusterStatus(ctx)
	if err != nil {
		return err
	}
	present, err := k.cluster.Attributes(ctx, name, "")
	if err != nil {
		return err
	}
	has := map[string]string{}
	for _, a := range present {
		has[a.Host] = a.Value
	}
	for _, h := range status.Hosts {
		if h.Online && has[h.Name] != k.published {
			err = errors.Join(err, k.cluster.SetAttribute(ctx, client.AttributeUpdate{Private: true,
				Attribute: client.Attribute{Name: name, Host: h.Name, Value: k.published}}))
		}
	}
	if err != nil {
		k.looked = time.Time{} // at once again
	}
	return err
}

// keepFile keeps the file for a proxy that is started again, and for each worker of this one.
func (k *keeper) keepFile() {
	text := k.states.file(time.UnixMilli(0))
	if text == k.written {
		return
	}
	if writeStates(k.call.proxyStates(), k.states.file(time.Now())) == nil {
		k.written = text
	}
}

// ask gives the proxy's worker lines, a piece at a time, and returns what it says.
func (k *keeper) ask(commands ...string) (string, error) {
	const atOnce = 64
	var said strings.Builder
	for len(commands) > 0 {
		n := min(len(commands), atOnce)
		text, err := k.call.askMaster("@1 " + strings.Join(commands[:n], ";@1 "))
		if err != nil {
			return "", fmt.Errorf("ask the proxy: %w", err)
		}
		said.Write(text)
		commands = commands[n:]
	}
	return said.String(), nil
}

// askMaster gives the proxy's master a line. It waits for more until nothing more can come.
func (c Call) askMaster(line string) ([]byte, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: c.proxySocket(), Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(keeperPatience))
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return nil, err
	}
	if err := conn.CloseWrite(); err != nil {
		return nil, err
	}
	return io.ReadAll(conn)
}

// writeStates replaces a file of states: the proxy reads it whenever it starts.
func writeStates(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(name, []byte(text), 0o600)
}
