package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen; it is long, because the machine may be busy.
const patience = 90 * time.Second

// asProgram has the test's binary be the proxy.
const asProgram = "HOLDFAST_PROXY_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// site is a configuration that answers with its version.
type site struct {
	dir, file, address string
}

var sites atomic.Int64

func newSite(t *testing.T) *site {
	t.Helper()
	// An address of its own: the proxy shares its ports with whoever asks for them, and so with another test's.
	// Nothing takes such a port of itself, and none is tried out: a process that is just being started would have it open for a moment, too.
	pid := os.Getpid()
	address := fmt.Sprintf("127.%d.%d.%d:10000", 128+pid>>8&0x3f, pid&0xff, sites.Add(1))
	dir, err := os.MkdirTemp("", "proxy") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{dir: dir, file: filepath.Join(dir, "haproxy.cfg"), address: address}
	s.write(t, 1)
	return s
}

func (s *site) socket() string { return filepath.Join(s.dir, "admin") }

func (s *site) write(t *testing.T, version int) {
	t.Helper()
	text := fmt.Sprintf("global\n nbthread 2\n stats socket %s level admin expose-fd listeners\n hard-stop-after 60s\ndefaults\n mode http\n timeout client 30s\n"+
		"frontend f\n bind %s\n http-request return status 200 content-type text/plain string version-%d\n", s.socket(), s.address, version)
	// Moved into its place whole: a reload may be reading it.
	if err := os.WriteFile(s.file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		t.Fatal(err)
	}
}

func (s *site) start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-f", s.file}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func (s *site) ask(client *http.Client) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.address+"/", nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return string(b), err
}

// await asks until a version answers, over new connections.
func (s *site) await(t *testing.T, version int, mayFail bool) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for begun := time.Now(); time.Since(begun) < patience; {
		got, err := s.ask(client)
		if err == nil && got == fmt.Sprintf("version-%d", version) {
			return
		}
		if err != nil && !mayFail {
			t.Fatalf("a request failed: %v", err)
		}
	}
	t.Fatalf("version %d does not serve", version)
}

// load asks without pause until it is told to stop, and counts; a request that fails fails the test.
func (s *site) load(t *testing.T, stop <-chan struct{}) (requests *atomic.Int64, wait func()) {
	requests = &atomic.Int64{}
	var all sync.WaitGroup
	for _, fresh := range []bool{true, false} {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: fresh}}
			for {
				select {
				case <-stop:
					client.CloseIdleConnections()
					return
				default:
				}
				if got, err := s.ask(client); err != nil || !strings.HasPrefix(got, "version-") {
					t.Errorf("a request failed: %q, %v", got, err)
					return
				}
				requests.Add(1)
			}
		})
	}
	return requests, all.Wait
}

func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		t.Error("the proxy does not end")
	}
}

func TestAMasterReloadsWithoutFailingARequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	master := s.start(t, "-W")
	defer end(t, master)
	s.await(t, 1, true)
	stop := make(chan struct{})
	requests, wait := s.load(t, stop)
	for version := 2; version <= 4; version++ {
		s.write(t, version)
		if err := master.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		s.await(t, version, false)
	}
	close(stop)
	wait()
	if requests.Load() == 0 {
		t.Error("nothing was asked meanwhile")
	}
}

func TestAnotherProcessTakesOverWithoutFailingARequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	current := s.start(t, "-db")
	s.await(t, 1, true)
	stop := make(chan struct{})
	_, wait := s.load(t, stop)
	for version := 2; version <= 3; version++ {
		s.write(t, version)
		next := s.start(t, "-db", "-x", s.socket(), "-sf", strconv.Itoa(current.Process.Pid))
		s.await(t, version, false)
		if err := current.Wait(); err != nil {
			t.Errorf("the process before ended with %v", err)
		}
		current = next
	}
	close(stop)
	wait()
	end(t, current)
}

func TestAFileThatIsWrongChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var told strings.Builder
	if err := os.WriteFile(s.file, []byte("frontend f\n bimd :80\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status := Main([]string{"-c", "-f", s.file}, nil, io.Discard, &told); status != 1 || !strings.Contains(told.String(), `:2: directive "bimd" is not known; did you mean "bind"?`) {
		t.Errorf("status %d, %s", status, told.String())
	}
}
