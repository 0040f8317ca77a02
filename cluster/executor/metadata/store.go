package metadata

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"holdfast/cluster/executor/process"
)

// ErrNotInstalled says that a host has no such agent.
var ErrNotInstalled = errors.New("not installed")

// Store finds agents below a root and remembers what they say. It is safe for
// concurrent use.
type Store struct {
	root  string
	cache string // directory; "": only memory

	mu    sync.Mutex        // guards known
	known map[string]*Agent // by path and stamp
}

// NewStore returns the agents below root ("" and "/": this host's). What agents say
// is kept on disk in root's var/cache/holdfast/metadata, or in the user's own cache directory
// when that cannot be written; without either, only in memory.
func NewStore(root string) *Store {
	if root == "" {
		root = "/"
	}
	return &Store{root: root, cache: cacheDir(root), known: map[string]*Agent{}}
}

// Root returns the directory below which agents are looked for.
func (s *Store) Root() string { return s.root }

// OCFRoot is where OCF agents live below root. A root without any of its own (a
// test's or a second cluster's state) uses the host's.
func OCFRoot(root string) string {
	own := filepath.Join("/", root, "usr/lib/ocf")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return "/usr/lib/ocf"
}

// Path returns the file of an agent, or an error that wraps ErrNotInstalled and
// says where it was looked for.
func (s *Store) Path(class, provider, name string) (string, error) {
	if plugin, ok := Plugin(class, name); ok {
		return s.pluginPath(plugin)
	}
	if name == "" || strings.Contains(name+provider, "/") || strings.HasPrefix(provider, ".") {
		return "", fmt.Errorf("find agent %s: %q is no agent's name", title(class, provider, name), name)
	}
	var places []string
	switch class {
	case "ocf":
		if provider == "" {
			provider = "heartbeat"
		}
		places = []string{filepath.Join(OCFRoot(s.root), "resource.d", provider, name)}
	case "lsb":
		places = []string{filepath.Join(s.root, "etc/init.d", name)}
	case "stonith":
		for _, dir := range fenceDirs {
			places = append(places, filepath.Join(s.root, dir, name))
		}
		if s.root != "/" {
			places = append(places, filepath.Join("/usr/sbin", name))
		}
	case "systemd":
		for _, dir := range unitDirs {
			places = append(places, filepath.Join(s.root, dir, unitName(name)))
			if at := strings.IndexByte(name, '@'); at >= 0 {
				places = append(places, filepath.Join(s.root, dir, name[:at+1]+".service"))
			}
		}
	case "service":
		// As Pacemaker does: an init script counts before a unit of the same name.
		if path, err := s.Path("lsb", "", name); err == nil {
			return path, nil
		}
		return s.Path("systemd", "", name)
	default:
		return "", fmt.Errorf("find agent %s: unknown class %q; known are ocf, lsb, systemd, service, stonith", title(class, provider, name), class)
	}
	for _, path := range places {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, nil
		}
	}
	return "", fmt.Errorf("agent %s is %w: no file %s", title(class, provider, name), ErrNotInstalled, places[0])
}

// Describe returns what an agent says about itself.
func (s *Store) Describe(ctx context.Context, class, provider, name string) (*Agent, error) {
	if class == "ocf" && provider == "" {
		provider = "heartbeat"
	}
	path, err := s.Path(class, provider, name)
	if errors.Is(err, ErrNotInstalled) && class == "ocf" && provider == "pacemaker" && name == "remote" {
		return remoteConnection(), nil
	}
	if err != nil {
		return nil, err
	}
	if class == "service" {
		class = "lsb"
		if strings.HasSuffix(path, ".service") {
			class = "systemd"
		}
	}
	stamp, err := stampOf(path)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	agent := s.known[stamp]
	s.mu.Unlock()
	if agent != nil && agent.Class == class {
		return agent, nil
	}
	agent, err = s.load(ctx, stamp, path, Agent{Class: class, Provider: provider, Name: name})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.known[stamp] = agent
	s.mu.Unlock()
	return agent, nil
}

// load reads a description that is not in memory.
func (s *Store) load(ctx context.Context, stamp, path string, as Agent) (*Agent, error) {
	switch as.Class {
	case "lsb":
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("describe agent %s: %w", as.Title(), err)
		}
		return describeScript(as.Name, string(text)), nil
	case "systemd":
		text, _ := os.ReadFile(path)
		return describeUnit(as.Name, string(text)), nil
	}
	text, cached := s.cached(stamp)
	if !cached {
		var err error
		if text, err = Ask(ctx, as.Class, path); err != nil {
			return nil, fmt.Errorf("describe agent %s: %w", as.Title(), err)
		}
	}
	agent, err := Parse(text)
	if agent == nil {
		return nil, fmt.Errorf("describe agent %s (%s): %w; see what '%s' prints", as.Title(), path, err, question(as.Class, path))
	}
	if !cached {
		s.keep(stamp, text)
	}
	agent.Class, agent.Provider, agent.Name = as.Class, as.Provider, as.Name
	return agent, nil
}

// Raw returns the XML that an agent prints about itself, for tools that pass it on.
// LSB scripts and units have none of their own, and the connection to a remote node needs no file: XML returns theirs.
func (s *Store) Raw(ctx context.Context, class, provider, name string) ([]byte, error) {
	agent, err := s.Describe(ctx, class, provider, name)
	if err != nil {
		return nil, err
	}
	if agent.Class != "ocf" && agent.Class != "stonith" {
		return agent.XML(), nil
	}
	path, err := s.Path(class, provider, name)
	if errors.Is(err, ErrNotInstalled) {
		return agent.XML(), nil
	}
	if err != nil {
		return nil, err
	}
	if stamp, err := stampOf(path); err == nil {
		if text, ok := s.cached(stamp); ok {
			return text, nil
		}
	}
	return Ask(ctx, agent.Class, path)
}

const askTimeout = 30 * time.Second

func question(class, path string) string {
	if isPlugin(path) {
		return path + " getinfo-xml"
	}
	if class == "stonith" {
		return path + " -o metadata"
	}
	return path + " meta-data"
}

// Ask runs the agent at path for its meta-data and returns what it printed.
func Ask(ctx context.Context, class, path string) ([]byte, error) {
	if isPlugin(path) {
		return askPlugin(ctx, path)
	}
	command := process.Command{Path: path, Args: []string{"meta-data"}, Timeout: askTimeout, Limit: 4 << 20}
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=1"}
	switch class {
	case "stonith":
		command.Args, command.Stdin = nil, []byte("action=metadata\n")
	case "ocf":
		// PROVIDER's directory is below OCF_ROOT/resource.d.
		ocfRoot := filepath.Dir(filepath.Dir(filepath.Dir(path)))
		command.Env = append(command.Env, "OCF_ROOT="+ocfRoot, "OCF_RESOURCE_TYPE="+filepath.Base(path),
			"OCF_RESOURCE_PROVIDER="+filepath.Base(filepath.Dir(path)), "OCF_RESOURCE_INSTANCE="+filepath.Base(path))
	}
	return answer(ctx, path, command)
}

// answer runs a command that is to print what an agent says about itself.
func answer(ctx context.Context, path string, command process.Command) ([]byte, error) {
	ending, err := process.Run(ctx, command)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s is not executable; make it so with: chmod +x %s", path, path)
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", path, err)
	case ending.TimedOut:
		return nil, fmt.Errorf("%s gave no meta-data within %s", path, askTimeout)
	case ending.Cancelled:
		return nil, ctx.Err()
	case ending.Code != 0 && len(ending.Stdout) == 0:
		return nil, fmt.Errorf("%s ended with status %d and no meta-data: %.200s", path, ending.Code, ending.Stderr)
	}
	return ending.Stdout, nil
}

// Name names an agent of a list.
type Name struct{ Class, Provider, Type string }

// DescribeAll describes many agents, a few at a time. The answers are in the order of
// names; an agent that cannot be described has nil.
func (s *Store) DescribeAll(ctx context.Context, names []Name) []*Agent {
	agents := make([]*Agent, len(names))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(names), 2*runtime.NumCPU()) {
		workers.Go(func() {
			for i := range next {
				agents[i], _ = s.Describe(ctx, names[i].Class, names[i].Provider, names[i].Type)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	workers.Wait()
	return agents
}
