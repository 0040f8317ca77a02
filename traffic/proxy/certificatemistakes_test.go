package proxy

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// secureMistakes are lines of a list of certificates, or options of a bind or a server, and what is said of them; "": nothing is wrong.
var secureMistakes = []struct{ list, bind, server, checks, said string }{
	{list: "site.pem [alpn h2,http/1.1 verify none] localhost !x.localhost *.example.com\n"},
	{list: "\tsite.pem\t[alpn\th2]\tlocalhost # a comment\r\n"},
	{list: "site.pem []\nsite.pem * !* *.*.com !\n"},
	{list: "# nothing\nsite.pem [nothing] localhost\n", said: `list:2: option "nothing"`},
	{list: "site.pem [name x]\n", said: `list:1: option "name"`},
	{list: "site.pem [strict-sni]\n", said: `list:1: option "strict-sni"`},
	{list: "site.pem [no-tlsv12]\n", said: `list:1: option "no-tlsv12"`},
	{list: "site.pem [crt-ignore-err all]\n", said: `list:1: option "crt-ignore-err"`},
	{list: "site.pem\nsite.pem [alpn] localhost\n", said: "list:2: alpn wants"},
	{list: "\nnone.pem localhost\n", said: "list:2: read certificate: stat none.pem"},
	{list: "site.pem alpn h2] localhost\n", said: "list:1: a bracket is closed"},
	{list: "site.pem [alpn h2] [verify none] localhost\n", said: "list:1: there is a second bracket"},
	{list: "site.pem [verify maybe]\n", said: "list:1: verify takes"},
	{list: "site.pem [verify required]\n", said: "list:1: verify wants ca-file"},
	{list: "site.pem [ca-file none.pem]\n", said: "list:1: read authorities: open none.pem"},
	{list: "site.pem [crl-file none.pem]\n", said: "list:1: read authorities: open none.pem"},
	{list: "site.pem [ciphers NONE]\n", said: "list:1: ciphers"},
	{list: "site.pem [curves NONE]\n", said: "list:1: curves"},
	{list: "site.pem [ssl-min-ver TLSv9]\n", said: `list:1: ssl-min-ver: version "TLSv9"`},
	{list: "site.pem [ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2]\n", said: "list:1: no version of TLS is left"},
	{list: "\n# nothing\n", said: "list names no certificate"},
	{list: "site.pem", said: "list:1: the last line has no end"},
	{bind: "ssl-max-ver TLSv1.1"},
	{bind: "ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", said: "no version of TLS is left"},
	{bind: "no-tlsv12 no-tlsv13", said: "no version of TLS is left"},
	{bind: "ca-file none.pem", said: "open none.pem"},
	{bind: "ca-file none.pem verify none", said: "open none.pem"},
	{bind: "crl-file none.pem", said: "open none.pem"},
	{server: "verify none ca-file none.pem", said: "open none.pem"},
	{server: "verify none crl-file none.pem", said: "open none.pem"},
	{server: "check", checks: "option httpchk", said: "ssl wants ca-file"},
	{server: "no-ssl check", checks: "option httpchk\n http-check connect ssl", said: "ssl wants ca-file"},
	{server: "no-ssl check verify none", checks: "option httpchk\n http-check connect ssl"},
	{server: "no-ssl check", checks: "option tcp-check\n tcp-check connect\n tcp-check connect ssl", said: "ssl wants ca-file"},
	{server: "no-ssl check ca-file site.pem", checks: "option tcp-check\n tcp-check connect ssl"},
	{server: "verify none ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", said: "no version of TLS is left"},
}

// TestMistakesAboutCertificatesAreTold: what HAProxy refuses is refused, with file, line and word.
func TestMistakesAboutCertificatesAreTold(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("haproxy")
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("site.pem", string(peerCertificate(t)))
	check := func(program string) (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, "-c", "-f", "haproxy.cfg")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asProgram+"=1")
		out, err := cmd.CombinedOutput()
		return err == nil, string(out)
	}
	for _, m := range secureMistakes {
		site := "crt site.pem"
		if m.list != "" {
			site = "crt-list list"
		}
		write("list", m.list)
		text := "listen l\n mode http\n timeout client 3s\n timeout server 3s\n timeout connect 3s\n bind 127.0.0.1:10009 ssl " + site + " " + m.bind + "\n"
		if m.server != "" {
			text += " " + m.checks + "\n server s 127.0.0.1:1 ssl " + m.server + "\n"
		}
		write("haproxy.cfg", text)
		if good, said := check(os.Args[0]); good != (m.said == "") || !strings.Contains(said, m.said) || !good && !strings.Contains(said, "haproxy.cfg:") {
			t.Errorf("%+v: accepted: %t:\n%s", m, good, said)
		}
		if err != nil {
			continue
		}
		if good, said := check(real); good != (m.said == "") {
			t.Errorf("%+v: HAProxy accepts it: %t:\n%s", m, good, said)
		}
	}
}
