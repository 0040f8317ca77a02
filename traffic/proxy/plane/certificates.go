package plane

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"holdfast/traffic/proxy/certificate"
	"holdfast/traffic/proxy/config"
)

// secrets are the TLS configurations of binds and servers.
type secrets struct {
	store *certificate.Store
	all   sync.Map // *config.TLSOptions to *tls.Config
}

func (x *secrets) of(o *config.TLSOptions) *tls.Config {
	if c, ok := x.all.Load(o); ok {
		return c.(*tls.Config)
	}
	return nil
}

// Certificates are all that binds and servers use.
func (s *Snapshot) Certificates() *certificate.Store { return s.tls.store }

// Secure makes the TLS configuration of a server that comes at run time, if it has one.
func (s *Snapshot) Secure(server *config.Server) error {
	_, err := s.ServerTLS(server)
	return err
}

// BindTLS makes the TLS configuration of a bind, nil where it has none.
func (s *Snapshot) BindTLS(b *config.Bind) (*tls.Config, error) {
	if b.TLS == nil {
		return nil, nil
	}
	if t := s.tls.of(b.TLS); t != nil {
		return t, nil
	}
	t, err := s.bindTLS(b.TLS)
	if err == nil {
		s.tls.all.Store(b.TLS, t)
	}
	return t, err
}

// ServerTLS makes the TLS configuration of a server, nil where it has none.
func (s *Snapshot) ServerTLS(server *config.Server) (*tls.Config, error) {
	for _, o := range []*config.TLSOptions{server.CheckSecurity, server.TLS} {
		if o == nil || s.tls.of(o) != nil {
			continue
		}
		t, err := s.serverTLS(o)
		if err != nil {
			return nil, err
		}
		s.tls.all.Store(o, t)
	}
	if server.TLS == nil {
		return nil, nil
	}
	return s.tls.of(server.TLS), nil
}

// CheckTLS is the TLS configuration of a server's checks, nil where they are plain.
func (s *Snapshot) CheckTLS(server *config.Server) *tls.Config {
	if server.CheckSecurity == nil {
		return nil
	}
	c := s.tls.of(server.CheckSecurity)
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.ServerName, c.ClientSessionCache = server.CheckSNI, nil
	if server.CheckALPN != nil { // else the server's own is offered
		c.NextProtos = server.CheckALPN
	}
	return c
}

// CheckTLS reads the certificates, keys and authorities that a configuration names, and tells all that is wrong with them.
func CheckTLS(c *config.Config) error {
	s := &Snapshot{Config: c, keys: &keylog{}}
	return s.secureAll()
}

// secureAll makes the TLS configurations of all binds and servers, and tells of all whose cannot be made.
func (s *Snapshot) secureAll() error {
	var err error
	if s.tls.store, err = certificate.NewStore(s.Config.Global.Loading); err != nil {
		return err
	}
	var problems []error
	for _, x := range s.Config.Proxies {
		for _, b := range x.Binds {
			if _, err := s.BindTLS(b); err != nil {
				problems = append(problems, fmt.Errorf("%s:%d: bind: %w", x.File, b.Line, err))
			}
		}
		for _, server := range x.Servers {
			if _, err := s.ServerTLS(server); err != nil {
				problems = append(problems, fmt.Errorf("%s:%d: server %s: %w", server.File, server.Line, server.Name, err))
			}
		}
	}
	return errors.Join(problems...)
}

func (s *Snapshot) bindTLS(o *config.TLSOptions) (*tls.Config, error) {
	g := &s.Config.Global
	t, err := s.bindConfig(o)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range o.Certificates {
		names = append(names, below(g.CertBase, name))
	}
	x, err := s.tls.store.Select(names, o.List, o.StrictSNI || g.BindOptions.StrictSNI, func(options []string) (*tls.Config, error) {
		own, err := o.With(options)
		if err != nil {
			return nil, err
		}
		return s.bindConfig(own)
	})
	if err != nil {
		return nil, err
	}
	if o.Forge {
		f, err := s.tls.store.Forger(o.SignFile, o.SignPassword, g.ForgedMost)
		if err != nil {
			return nil, err
		}
		x.Forge(f)
	}
	x.Install(t)
	return t, nil
}

// bindConfig is a bind's configuration without its certificates.
func (s *Snapshot) bindConfig(o *config.TLSOptions) (*tls.Config, error) {
	g := &s.Config.Global
	t := &tls.Config{MinVersion: max(tls.VersionTLS12, o.Minimum, g.BindOptions.Minimum), MaxVersion: o.Maximum, NextProtos: o.ALPN,
		SessionTicketsDisabled: o.NoTickets || g.BindOptions.NoTickets, CurvePreferences: o.Curves}
	s.logKeys(t)
	if o.Minimum != 0 {
		t.MinVersion = o.Minimum
	}
	if t.CipherSuites = o.Suites; o.Suites == nil {
		t.CipherSuites = g.BindOptions.Suites
	}
	if o.Curves == nil {
		t.CurvePreferences = g.BindOptions.Curves
	}
	if o.TicketKeys != "" {
		if err := s.tls.store.UseTickets(o.TicketKeys, t); err != nil {
			return nil, err
		}
	}
	if t.MaxVersion != 0 && o.Minimum == 0 {
		t.MinVersion = min(t.MinVersion, t.MaxVersion) // only the default would be above it
	}
	if err := anyVersion(t); err != nil {
		return nil, err
	}
	v := verifier{usage: x509.ExtKeyUsageClientAuth, ignoreCA: o.CAIgnore, ignoreCertificate: o.CRTIgnore}
	if err := v.load(s, o); err != nil {
		return nil, err
	}
	switch o.Verify {
	case "optional":
		t.ClientAuth = tls.RequestClientCert
	case "required":
		t.ClientAuth = tls.RequireAnyClientCert
	default:
		return t, nil
	}
	if len(v.authorities) == 0 {
		return nil, errors.New("verify wants ca-file, the authorities to verify with")
	}
	if !o.NoCANames && o.CAFile != "@system-ca" && o.CAFile != "" {
		if text, err := os.ReadFile(below(g.CABase, o.CAFile)); err == nil {
			t.ClientCAs = x509.NewCertPool() // clients are told of these, and choose their certificates by them
			t.ClientCAs.AppendCertsFromPEM(text)
		}
	}
	t.VerifyConnection = v.verify
	return t, nil
}

// anyVersion tells whether options leave a version of TLS to speak.
func anyVersion(t *tls.Config) error {
	if t.MaxVersion != 0 && t.MinVersion > t.MaxVersion {
		return fmt.Errorf("no version of TLS is left: the lowest, %s, is above the highest, %s", tls.VersionName(t.MinVersion), tls.VersionName(t.MaxVersion))
	}
	return nil
}

// logKeys has the secrets of handshakes kept, where expressions may ask for them.
func (s *Snapshot) logKeys(t *tls.Config) {
	if s.Config.Global.KeyLog {
		t.KeyLogWriter = s.keys
	}
}

// verifier checks the other side's certificate: in place of the library, whose authorities cannot be changed at run time, and which knows of no lists
// of revoked certificates.
type verifier struct {
	usage                       x509.ExtKeyUsage
	authorities                 []*certificate.Authorities
	revoked                     *certificate.Authorities
	ignoreCA, ignoreCertificate []string
	host                        string
	named                       bool // the name that the server was asked for has to be in its certificate
}

// load reads the files that options name, even where nothing is verified: that they are missing is a mistake all the same.
func (v *verifier) load(s *Snapshot, o *config.TLSOptions) (err error) {
	for _, name := range []string{o.CAFile, o.CAVerifyFile} {
		if name == "" {
			continue
		}
		a, err := s.tls.store.Authorities(below(s.Config.Global.CABase, name), false)
		if err != nil {
			return err
		}
		v.authorities = append(v.authorities, a)
	}
	if o.CRLFile != "" {
		v.revoked, err = s.tls.store.Authorities(below(s.Config.Global.CABase, o.CRLFile), true)
	}
	return err
}

func (v *verifier) verify(c tls.ConnectionState) error {
	if len(c.PeerCertificates) == 0 {
		return nil // it was optional
	}
	var problem *certificate.VerifyError
	for _, a := range v.authorities {
		if problem = certificate.Verify(c.PeerCertificates, a, v.revoked, v.usage, time.Now()); problem == nil {
			break
		}
	}
	if problem != nil {
		ignored := v.ignoreCertificate
		if problem.Depth > 0 {
			ignored = v.ignoreCA
		}
		if !slices.Contains(ignored, "all") && !slices.Contains(ignored, strconv.Itoa(problem.Number)) {
			return problem
		}
	}
	switch {
	case v.host != "":
		return named(c.PeerCertificates[0], v.host)
	case v.named && c.ServerName != "":
		return named(c.PeerCertificates[0], c.ServerName)
	}
	return nil
}

// named tells whether a certificate is for a host. One that has no alternative names at all may have it as the subject's common name: within networks of
// one's own there are such still.
func named(c *x509.Certificate, host string) error {
	if len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses)+len(c.URIs) == 0 && c.Subject.CommonName != "" {
		plain := *c
		plain.DNSNames = []string{c.Subject.CommonName}
		c = &plain
	}
	return c.VerifyHostname(host)
}

func (s *Snapshot) serverTLS(o *config.TLSOptions) (*tls.Config, error) {
	g := &s.Config.Global
	t := &tls.Config{MinVersion: o.Minimum, MaxVersion: o.Maximum, NextProtos: o.ALPN, CurvePreferences: o.Curves,
		InsecureSkipVerify: true} // verifier does it, where it is wanted
	if t.CipherSuites = o.Suites; o.Suites == nil {
		t.CipherSuites = g.ServerOptions.Suites
	}
	s.logKeys(t)
	if !o.NoReuse {
		t.ClientSessionCache = tls.NewLRUClientSessionCache(256)
	}
	if err := anyVersion(t); err != nil {
		return nil, err
	}
	v := verifier{usage: x509.ExtKeyUsageServerAuth, host: o.VerifyHost, named: o.SNI != nil}
	if err := v.load(s, o); err != nil {
		return nil, err
	}
	verify := o.Verify
	if verify == "" {
		verify = g.ServerOptions.Verify
	}
	if verify != "none" {
		if o.CAFile == "" {
			return nil, errors.New("ssl wants ca-file, to verify the server with, or verify none")
		}
		t.VerifyConnection = v.verify
	}
	for _, name := range o.Certificates {
		f, err := s.tls.store.File(below(g.CertBase, name))
		if err != nil {
			return nil, err
		}
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.Certificate(), nil }
	}
	return t, nil
}

func below(base, name string) string {
	if base == "" || filepath.IsAbs(name) || name == "" || name == "@system-ca" {
		return name
	}
	return filepath.Join(base, name)
}
