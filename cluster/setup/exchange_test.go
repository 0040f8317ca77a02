package setup_test

import (
	"errors"
	"testing"

	"holdfast/cluster/setup"
)

func TestHostsShareFilesOfTheirDirectoriesOnly(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := f.login(t)
	if err := client.Share(t.Context(), map[string][]byte{"etc/booth/booth.conf": []byte("site = 192.0.2.1\n")}); err != nil {
		t.Fatal(err)
	}
	files, err := client.Shared(t.Context())
	if err != nil || string(files["etc/booth/booth.conf"]) != "site = 192.0.2.1\n" || len(files) != 1 {
		t.Errorf("shared files %q, %v", files, err)
	}
	for _, name := range []string{"etc/shadow", "etc/booth/../shadow", "/etc/booth/x", "etc/booth/sub/x", "etc/booth/.x", "etc/corosync/authkey", ""} {
		if err := f.host.WriteShared(map[string][]byte{name: nil}); !errors.Is(err, setup.ErrNotShared) {
			t.Errorf("write %q: %v; want it refused", name, err)
		}
	}
}

// TestHostShowsItsCluster: the document is longer than any request may be.
func TestHostShowsItsCluster(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := f.login(t)
	if _, err := client.Site(t.Context()); err == nil {
		t.Error("a host without a cluster shows one")
	}
	if err := client.Configure(t.Context(), setup.Configuration{Holdfast: "totem {\n}\n", Authkey: setup.NewAuthkey()}); err != nil {
		t.Fatal(err)
	}
	site, err := client.Site(t.Context())
	if err != nil || site.Cluster != "shop" || len(site.Hosts) != 2 || len(site.Document) <= 1<<20 {
		t.Errorf("%s of %q, a document of %d bytes, %v", site.Cluster, site.Hosts, len(site.Document), err)
	}
	stranger := setup.NewClient("web1", setup.KnownHost{Addr: f.addr})
	if site, err := stranger.Site(t.Context()); err == nil {
		t.Errorf("a stranger is shown cluster %q", site.Cluster)
	}
}

func TestHostIsToldToWaitAfterABoot(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := f.login(t)
	if err := client.Enable(t.Context(), false); err != nil || !f.host.disabled {
		t.Errorf("disable: %v, disabled %v", err, f.host.disabled)
	}
	if err := client.Enable(t.Context(), true); err != nil || f.host.disabled {
		t.Errorf("enable: %v, disabled %v", err, f.host.disabled)
	}
}

func TestForgottenCallersHaveToLogInAgain(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := f.login(t)
	if err := f.server.ForgetCallers(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.State(t.Context()); err == nil {
		t.Error("a token still works after all were forgotten")
	}
	if _, err := f.login(t).State(t.Context()); err != nil {
		t.Errorf("a new login: %v", err)
	}
}
