package transport

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/messaging/core"
)

// The bounds of every certificate: clocks may be a year off, or stand in 1970.
var (
	certBegin = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)
	certEnd   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// Identity is one daemon's proof that it knows the authkey, and the means to check others'.
type Identity struct {
	host core.HostID
	pool *x509.CertPool
	cert tls.Certificate
}

// NewIdentity derives the cluster's authority from the authkey and issues a host's certificate.
func NewIdentity(authkey []byte, host core.HostID) (*Identity, error) {
	seed, err := derive(authkey, "certificate authority", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	caKey := ed25519.NewKeyFromSeed(seed)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "holdfast cluster authority"},
		NotBefore: certBegin, NotAfter: certEnd, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, template, template, caKey.Public(), caKey)
	if err != nil {
		return nil, fmt.Errorf("make the cluster's certificate authority: %w", err)
	}
	ca, err := x509.ParseCertificate(caDER)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's certificate authority: %w", err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make this host's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make this host's certificate: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hostName(host)}, DNSNames: []string{hostName(host)},
		NotBefore: certBegin, NotAfter: certEnd, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, public, caKey)
	if err != nil {
		return nil, fmt.Errorf("issue this host's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return &Identity{host: host, pool: pool, cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}}, nil
}

const nameSuffix = ".holdfast"

func hostName(id core.HostID) string { return fmt.Sprintf("host-%d%s", id, nameSuffix) }

// hostOf reads the host from an authenticated peer's certificate.
func hostOf(state tls.ConnectionState) (core.HostID, error) {
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return 0, errors.New("the peer has no certificate of this cluster")
	}
	name := state.PeerCertificates[0].Subject.CommonName
	number, ok := strings.CutPrefix(strings.TrimSuffix(name, nameSuffix), "host-")
	id, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || id == 0 {
		return 0, fmt.Errorf("the peer's certificate names %q, which is no host", name)
	}
	return core.HostID(id), nil
}

// server is for accepting; any host of the cluster may come.
func (id *Identity) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{id.cert},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: id.pool,
		SessionTicketsDisabled: true,
	}
}

// client is for calling one host.
func (id *Identity) client(host core.HostID) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{id.cert},
		RootCAs: id.pool, ServerName: hostName(host),
	}
}

// HostID names a host; 0 is no member.
type HostID = core.HostID

// Server is for accepting who has the same key.
func (id *Identity) Server() *tls.Config { return id.server() }

// Remote is for calling hosts that are no members: their identities are of host 0.
func (id *Identity) Remote() *http.Transport {
	return &http.Transport{TLSClientConfig: id.client(0), MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, DisableCompression: true}
}
