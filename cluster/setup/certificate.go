package setup

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// ownCertificate reads the host's certificate from dir and makes one when there is none.
// It is valid for any time: callers know it by its fingerprint, and a host whose
// clock is wrong must still be reachable for setup.
func ownCertificate(dir, host string) (tls.Certificate, error) {
	path := filepath.Join(dir, "certificate.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = makeCertificate(host); err == nil {
			err = writeFile(path, text, 0o600)
		}
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("own certificate: %w", err)
	}
	// One file holds both, so certificate and key cannot fall apart in a crash.
	certificate, err := tls.X509KeyPair(text, text)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("own certificate %s: %w; remove the file to have a new one made, and log in again from other hosts", path, err)
	}
	return certificate, nil
}

func makeCertificate(host string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     []string{host},
		NotBefore:    time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// pinned verifies that the other side shows the certificate with that fingerprint.
// Nothing else about it counts.
func pinned(want string, seen *string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// The chain is not what is trusted here: VerifyConnection below compares the
		// certificate itself, which is stricter.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			got := fingerprint(state.PeerCertificates[0].Raw)
			if seen != nil {
				*seen = got
			}
			if want != "" && got != want {
				return fmt.Errorf("its certificate is %s, but %s was expected; if the host was set up anew, "+
					"log in again (pcs host auth) after making sure that it is the right host", got, want)
			}
			return nil
		},
	}
}
