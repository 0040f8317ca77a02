package plane

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"holdfast/traffic/proxy/config"
)

// secrets are the TLS configurations of binds and servers.
type secrets struct{ all sync.Map } // *config.TLSOptions to *tls.Config

func (all *secrets) of(o *config.TLSOptions) *tls.Config {
	if c, ok := all.all.Load(o); ok {
		return c.(*tls.Config)
	}
	return nil
}

// Secure makes the TLS configuration of a server that comes at run time, if it has one.
func (s *Snapshot) Secure(server *config.Server) error {
	t, err := ServerTLS(s.Config, server)
	if err == nil && t != nil {
		s.tls.all.Store(server.TLS, t)
	}
	return err
}

// fill makes the TLS configurations of all binds and servers.
func (all *secrets) fill(c *config.Config) error {
	for _, x := range c.Proxies {
		for _, b := range x.Binds {
			if b.TLS == nil || all.of(b.TLS) != nil {
				continue
			}
			t, err := bindTLS(c, b.TLS)
			if err != nil {
				return fmt.Errorf("%s:%d: bind: %w", x.File, b.Line, err)
			}
			all.all.Store(b.TLS, t)
		}
		for _, s := range x.Servers {
			if s.TLS == nil {
				continue
			}
			t, err := serverTLS(c, s)
			if err != nil {
				return fmt.Errorf("%s:%d: server %s: %w", s.File, s.Line, s.Name, err)
			}
			all.all.Store(s.TLS, t)
		}
	}
	return nil
}

// BindTLS makes the TLS configuration of a bind, nil where it has none.
func BindTLS(c *config.Config, b *config.Bind) (*tls.Config, error) {
	if b.TLS == nil {
		return nil, nil
	}
	return bindTLS(c, b.TLS)
}

// ServerTLS makes the TLS configuration of a server, nil where it has none.
func ServerTLS(c *config.Config, s *config.Server) (*tls.Config, error) {
	if s.TLS == nil {
		return nil, nil
	}
	return serverTLS(c, s)
}

func bindTLS(c *config.Config, o *config.TLSOptions) (*tls.Config, error) {
	g := &c.Global
	t := &tls.Config{MinVersion: max(tls.VersionTLS12, o.Minimum, g.BindOptions.Minimum), MaxVersion: o.Maximum, NextProtos: o.ALPN,
		SessionTicketsDisabled: o.NoTickets || g.BindOptions.NoTickets}
	t.CurvePreferences = o.Curves
	if o.Minimum != 0 {
		t.MinVersion = o.Minimum
	}
	names := o.Certificates
	if o.List != "" {
		listed, err := certificateList(o.List)
		if err != nil {
			return nil, err
		}
		names = append(slices.Clone(names), listed...)
	}
	for _, name := range names {
		found, err := certificates(below(g.CertBase, name))
		if err != nil {
			return nil, err
		}
		t.Certificates = append(t.Certificates, found...)
	}
	if o.StrictSNI {
		t.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			for i := range t.Certificates {
				if hello.SupportsCertificate(&t.Certificates[i]) == nil {
					return nil, nil
				}
			}
			return nil, fmt.Errorf("no certificate for %q", hello.ServerName)
		}
	}
	switch o.Verify {
	case "optional":
		t.ClientAuth = tls.VerifyClientCertIfGiven
	case "required":
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if t.ClientAuth != tls.NoClientCert {
		pool, err := authorities(below(g.CABase, o.CAFile))
		if err != nil {
			return nil, err
		}
		t.ClientCAs = pool
	}
	return t, nil
}

func serverTLS(c *config.Config, s *config.Server) (*tls.Config, error) {
	o := s.TLS
	t := &tls.Config{MinVersion: o.Minimum, MaxVersion: o.Maximum, ServerName: o.VerifyHost, NextProtos: o.ALPN, ClientSessionCache: tls.NewLRUClientSessionCache(256)}
	verify := o.Verify
	if verify == "" {
		verify = c.Global.ServerOptions.Verify
	}
	if verify == "none" {
		t.InsecureSkipVerify = true
	} else {
		if o.CAFile == "" {
			return nil, errors.New("ssl wants ca-file, to verify the server with, or verify none")
		}
		pool, err := authorities(below(c.Global.CABase, o.CAFile))
		if err != nil {
			return nil, err
		}
		t.RootCAs = pool
		if t.ServerName == "" {
			t.ServerName = s.Host
		}
	}
	for _, name := range o.Certificates {
		found, err := certificates(below(c.Global.CertBase, name))
		if err != nil {
			return nil, err
		}
		t.Certificates = append(t.Certificates, found...)
	}
	return t, nil
}

func below(base, name string) string {
	if base == "" || filepath.IsAbs(name) || name == "" {
		return name
	}
	return filepath.Join(base, name)
}

// certificates reads a file with a certificate, its chain and its key, or all such files of a directory.
func certificates(name string) ([]tls.Certificate, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	names := []string{name}
	if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(name, "*")); err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(names, func(n string) bool {
			return strings.HasSuffix(n, ".key") || strings.HasSuffix(n, ".ocsp") || strings.HasSuffix(n, ".issuer")
		})
	}
	var all []tls.Certificate
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		key := b
		if beside, err := os.ReadFile(n + ".key"); err == nil && !strings.Contains(string(b), "PRIVATE KEY") {
			key = beside
		}
		one, err := tls.X509KeyPair(b, key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", n, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// certificateList reads the names out of a crt-list. Options behind a name are refused: none is offered.
func certificateList(name string) ([]string, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate list: %w", err)
	}
	var names []string
	for n, line := range strings.Split(string(b), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) > 1 && strings.HasPrefix(words[1], "[") {
			return nil, fmt.Errorf("%s:%d: options in a certificate list are not offered", name, n+1)
		}
		names = append(names, words[0])
	}
	return names, nil
}

func authorities(name string) (*x509.CertPool, error) {
	if name == "@system-ca" {
		return x509.SystemCertPool()
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s has no certificate", name)
	}
	return pool, nil
}
