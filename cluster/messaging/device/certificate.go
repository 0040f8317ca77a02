package device

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast/atomicfile"
)

// Certificates is the directory of a connection's files, below the host's root.
const Certificates = "etc/holdfast/qdevice"

// The files of a connection, below Config.Dir.
const (
	AuthorityFile   = "ca.crt"   // of the quorum device's certificate authority
	CertificateFile = "node.crt" // this cluster's, signed by that authority
	KeyFile         = "node.key"
)

// serverName is what a quorum device's certificate is made out to.
const serverName = "Qnetd Server"

// tls makes the connection's settings from the files.
func (d *Device) tls() (*tls.Config, error) {
	path := func(name string) string { return filepath.Join(d.cfg.Dir, name) }
	authority, err := os.ReadFile(path(AuthorityFile))
	if err != nil {
		return nil, fmt.Errorf("secure the connection to the quorum device: %w; fetch its certificates with 'pcs quorum device add' or 'holdfast witness join', or set quorum.device.net.tls to off on both sides", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("secure the connection to the quorum device: %s holds no certificate", path(AuthorityFile))
	}
	own, err := tls.LoadX509KeyPair(path(CertificateFile), path(KeyFile))
	if err != nil {
		return nil, fmt.Errorf("secure the connection to the quorum device: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// A quorum device's certificate names its role, not an address: VerifyConnection looks at that.
		InsecureSkipVerify: true,
		VerifyConnection:   func(state tls.ConnectionState) error { return verifyServer(state, roots) },
		// Sent whatever authorities the server names: there is one.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil },
	}, nil
}

// verifyServer checks that the server's certificate is signed by the authority and made out to a
// quorum device: the clusters' own certificates have the same authority.
func verifyServer(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the quorum device shows no certificate")
	}
	leaf := state.PeerCertificates[0]
	if leaf.Subject.CommonName != serverName {
		return fmt.Errorf("the certificate is made out to %q, not to %q", leaf.Subject.CommonName, serverName)
	}
	intermediates := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// WriteFiles writes the files of a connection, by their names, so that only their owner reads them. The key comes
// first and the authority last: what is there is of one kind, or is not complete.
func WriteFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of the quorum device's certificates: %w", err)
	}
	for _, name := range []string{KeyFile, CertificateFile, AuthorityFile} {
		text, ok := files[name]
		if !ok {
			return fmt.Errorf("write the quorum device's certificates: %s is missing", name)
		}
		if err := atomicfile.Write(filepath.Join(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("write the quorum device's certificates: %w", err)
		}
	}
	return nil
}
