package setup_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/cluster/setup"
)

// host is a daemon's stand-in: real files, real TLS, and a note of what was asked.
type host struct {
	setup.Files
	running, disabled bool

	members []setup.Member
}

func (h *host) State() setup.State {
	_, _, configured := h.Find()
	return setup.State{Host: "web1", Configured: configured, Running: h.running}
}
func (h *host) Configure(c setup.Configuration) error { return h.Write(c) }
func (h *host) Start(context.Context) error           { h.running = true; return nil }
func (h *host) Stop(context.Context) error            { h.running = false; return nil }
func (h *host) Destroy(context.Context) error         { h.running = false; return h.Forget() }
func (h *host) Enable(on bool) error                  { h.disabled = !on; return nil }
func (h *host) Site(context.Context) (setup.Site, error) {
	if _, _, configured := h.Find(); !configured {
		return setup.Site{}, errors.New("this host belongs to no cluster")
	}
	return setup.Site{Cluster: "shop", Hosts: []string{"web1", "web2"}, Document: strings.Repeat("<cib/>", 1<<18)}, nil
}
func (h *host) Admit(_ context.Context, asked setup.Host) (setup.Configuration, error) {
	members := append(h.members, setup.Member{ID: len(h.members) + 1, Host: asked})
	text, err := setup.Render("shop", members)
	if err != nil {
		return setup.Configuration{}, err
	}
	h.members = members
	return setup.Configuration{Holdfast: text, Authkey: setup.NewAuthkey()}, nil
}

type fixture struct {
	host   *host
	dir    string
	server *setup.Server
	addr   string
	now    *atomic.Int64 // nanoseconds
	slow   chan struct{} // when it is not nil, passwords are judged once it is closed
}

func start(t testing.TB) fixture {
	t.Helper()
	f := fixture{host: &host{Files: setup.Files{Root: t.TempDir()}}, dir: t.TempDir(), now: new(atomic.Int64)}
	f.now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	f.open(t)
	return f
}

// open makes the server from its directory, as a daemon does that is started again.
func (f *fixture) open(t testing.TB) {
	t.Helper()
	server, err := setup.NewServer(setup.Options{
		Dir: f.dir, Host: "web1", Cluster: f.host, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now: func() time.Time { return time.Unix(0, f.now.Load()) },
		Password: func(_ context.Context, user, password string) error {
			if f.slow != nil {
				<-f.slow
			}
			if user != "hacluster" || password != "secret" {
				return setup.ErrWrongPassword
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewUnstartedServer(server.Handler())
	listening.TLS = server.TLS()
	listening.StartTLS()
	t.Cleanup(listening.Close)
	f.server, f.addr = server, strings.TrimPrefix(listening.URL, "https://")
}

func (f *fixture) login(t *testing.T) *setup.Client {
	t.Helper()
	known, err := setup.NewClient("web1", setup.KnownHost{Addr: f.addr}).Login(t.Context(), "hacluster", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return setup.NewClient("web1", known)
}

func TestHostIsSetUpStartedAndDestroyed(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := f.login(t)
	configuration := setup.Configuration{Corosync: "totem {\n}\n", Authkey: setup.NewAuthkey()}
	if err := client.Configure(t.Context(), configuration); err != nil {
		t.Fatal(err)
	}
	if err := client.Configure(t.Context(), configuration); err == nil || !strings.Contains(err.Error(), "belongs to a cluster already") {
		t.Errorf("second configuration: %v; want it refused", err)
	}
	if err := client.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	state, err := client.State(t.Context())
	if err != nil || !state.Configured || !state.Running {
		t.Errorf("state %+v, %v; want configured and running", state, err)
	}
	key := filepath.Join(f.host.Root, "etc/corosync/authkey")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("authkey: %v, %v; want mode 0400", info, err)
	}
	if err := client.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("authkey after destroy: %v; want it gone", err)
	}
}

func TestNothingIsAnsweredWithoutToken(t *testing.T) {
	t.Parallel()
	f := start(t)
	for name, token := range map[string]string{"none": "", "wrong": "AAAA"} {
		client := setup.NewClient("web1", setup.KnownHost{Addr: f.addr, Token: token})
		if _, err := client.State(t.Context()); err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("%s token, state: %v; want it refused", name, err)
		}
		if err := client.Start(t.Context()); err == nil {
			t.Errorf("%s token: the host was started", name)
		}
	}
}

func TestTokenSurvivesRestartAndIsNotStored(t *testing.T) {
	t.Parallel()
	f := start(t)
	known, err := setup.NewClient("web1", setup.KnownHost{Addr: f.addr}).Login(t.Context(), "hacluster", "secret")
	if err != nil {
		t.Fatal(err)
	}
	f.open(t)
	known.Addr = f.addr
	if _, err := setup.NewClient("web1", known).State(t.Context()); err != nil {
		t.Errorf("after a restart: %v; token and certificate should still hold", err)
	}
	text, err := os.ReadFile(filepath.Join(f.dir, "tokens.json"))
	if err != nil || strings.Contains(string(text), known.Token) {
		t.Errorf("tokens.json (%v) holds the token itself", err)
	}
}

func TestAnotherCertificateIsRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := setup.NewClient("web1", setup.KnownHost{Addr: f.addr, Fingerprint: "sha256:other"})
	_, err := client.Login(t.Context(), "hacluster", "secret")
	if err == nil || !strings.Contains(err.Error(), "sha256:other") {
		t.Errorf("login to a host with another certificate: %v; want both fingerprints named", err)
	}
}

func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := setup.NewClient("web1", setup.KnownHost{Addr: f.addr})
	for range 5 {
		if _, err := client.Login(t.Context(), "hacluster", "guess"); err == nil {
			t.Fatal("a wrong password was accepted")
		}
	}
	if _, err := client.Login(t.Context(), "hacluster", "secret"); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("sixth attempt: %v; want it put off", err)
	}
	f.now.Add(int64(11 * time.Second))
	if _, err := client.Login(t.Context(), "hacluster", "secret"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// TestManyGuessesAtOnce: an attempt counts as soon as it begins.
func TestManyGuessesAtOnce(t *testing.T) {
	t.Parallel()
	f := fixture{host: &host{Files: setup.Files{Root: t.TempDir()}}, dir: t.TempDir(), now: new(atomic.Int64), slow: make(chan struct{})}
	f.open(t)
	const guesses = 20
	refusals := make(chan error, guesses)
	for range guesses {
		go func() {
			_, err := setup.NewClient("web1", setup.KnownHost{Addr: f.addr}).Login(t.Context(), "hacluster", "guess")
			refusals <- err
		}()
	}
	for range guesses - 5 { // while the first five are being judged
		if err := <-refusals; err == nil || !strings.Contains(err.Error(), "too many") {
			t.Fatalf("got %v; want it put off", err)
		}
	}
	close(f.slow)
	for range 5 {
		if err := <-refusals; err == nil || strings.Contains(err.Error(), "too many") {
			t.Errorf("got %v; want a wrong password", err)
		}
	}
}

func TestInvitationLetsHostsJoinForAnHour(t *testing.T) {
	t.Parallel()
	f := start(t)
	invitation, err := f.server.Invite()
	if err != nil {
		t.Fatal(err)
	}
	client := setup.NewClient("web1", setup.KnownHost{Addr: f.addr, Fingerprint: f.server.Fingerprint()})
	got, err := client.Join(t.Context(), invitation, setup.Host{Name: "web2", Addrs: []string{"192.0.2.2"}})
	if err != nil || !strings.Contains(got.Holdfast, "name: web2") || len(got.Authkey) == 0 {
		t.Errorf("join: %+v, %v; want a configuration that names the host, and the key", got, err)
	}
	if _, err := client.Join(t.Context(), invitation, setup.Host{Name: "web2", Addrs: []string{"192.0.2.2"}}); err == nil {
		t.Error("the same name joined twice")
	}
	admin := setup.NewClient("web1", setup.KnownHost{Addr: f.addr, Token: invitation})
	if err := admin.Start(t.Context()); err == nil {
		t.Error("an invitation was good for starting a host")
	}
	f.now.Add(int64(61 * time.Minute))
	if _, err := client.Join(t.Context(), invitation, setup.Host{Name: "web3", Addrs: []string{"192.0.2.3"}}); err == nil || !strings.Contains(err.Error(), "holdfast invite") {
		t.Errorf("join after an hour: %v; want it refused, with what to do", err)
	}
}

func TestHostileBodiesAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t)
	handler := f.server.Handler()
	for name, body := range map[string]string{
		"empty": "", "not JSON": "<xml/>", "huge": `{"user":"` + strings.Repeat("a", 2<<20) + `"}`,
	} {
		for _, verb := range []string{"login", "join"} {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/v1/setup/"+verb, strings.NewReader(body)))
			if recorder.Code != http.StatusBadRequest {
				t.Errorf("%s with %s body: status %d, want 400", verb, name, recorder.Code)
			}
		}
	}
}

func TestRenderRefusesWhatWouldNotBeRead(t *testing.T) {
	t.Parallel()
	for name, member := range map[string]setup.Host{
		"newline in name": {Name: "a\n}", Addrs: []string{"192.0.2.1"}},
		"no address":      {Name: "a"},
		"bad address":     {Name: "a", Addrs: []string{"192.0.2.1 }"}},
	} {
		if text, err := setup.Render("shop", []setup.Member{{ID: 1, Host: member}}); err == nil {
			t.Errorf("%s: rendered %q; want an error", name, text)
		}
	}
}

func TestKnownHostsAreReadableByTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known-hosts")
	known, err := setup.OpenKnownHosts(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := known.Client("web1"); err == nil || !strings.Contains(err.Error(), "pcs host auth web1") {
		t.Errorf("unknown host: %v; want what to do", err)
	}
	known.Hosts["web1"] = setup.KnownHost{Addr: "192.0.2.1", Token: "t"}
	if err := known.Save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("known hosts: %v, %v; want mode 0600", info, err)
	}
	again, err := setup.OpenKnownHosts(path)
	if err != nil || again.Hosts["web1"].Addr != "192.0.2.1" {
		t.Errorf("read again: %+v, %v", again, err)
	}
}
