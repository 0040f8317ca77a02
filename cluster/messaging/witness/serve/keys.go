package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/atomicfile"
)

// Files of a witness, below its directory.
const (
	authorityFile = "ca.crt"
	authorityKey  = "ca.key"
	serverFile    = "server.crt"
	serverKey     = "server.key"
	invitations   = "invitations"
)

// ServerName is what a witness' certificate is made out to, corosync-qnetd's choice.
const ServerName = "Qnetd Server"

// invitationLife is how long an invitation is good.
const invitationLife = time.Hour

// Keys are a witness' certificates, in a directory that nobody else can read.
type Keys struct{ Dir string }

// Setup makes the authority and the witness' certificate, unless they exist.
func (k Keys) Setup() error {
	if _, err := os.Stat(filepath.Join(k.Dir, authorityFile)); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(k.Dir, invitations), 0o700); err != nil {
		return fmt.Errorf("make the witness' directory: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the witness' keys: %w", err)
	}
	template := certificateFor("QNet CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	ca, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make the witness' authority: %w", err)
	}
	if err := k.write(authorityKey, key); err != nil {
		return err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the witness' keys: %w", err)
	}
	signed, err := x509.CreateCertificate(rand.Reader, certificateFor(ServerName), template, &own.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make the witness' certificate: %w", err)
	}
	if err := k.write(serverKey, own); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(k.Dir, serverFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o600); err != nil {
		return err
	}
	// Last, as its presence says that all is there.
	return atomicfile.Write(filepath.Join(k.Dir, authorityFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca}), 0o600)
}

// certificateFor is what all certificates here have in common. They hold for any time: a host whose
// clock is wrong must not lose its vote by that.
func certificateFor(name string) *x509.Certificate {
	var serial [16]byte
	rand.Read(serial[:])
	serial[0] &= 0x7f
	return &x509.Certificate{SerialNumber: new(big.Int).SetBytes(serial[:]), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
}

func (k Keys) write(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return atomicfile.Write(filepath.Join(k.Dir, name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// authority reads the authority's certificate and key.
func (k Keys) authority() (tls.Certificate, error) {
	ca, err := tls.LoadX509KeyPair(filepath.Join(k.Dir, authorityFile), filepath.Join(k.Dir, authorityKey))
	if errors.Is(err, fs.ErrNotExist) {
		return ca, fmt.Errorf("read the witness' keys: %w; make them with 'holdfast witness --setup CLUSTER'", err)
	}
	return ca, err
}

// tls makes the port's settings.
func (k Keys) tls() (*tls.Config, error) {
	ca, err := k.authority()
	if err != nil {
		return nil, err
	}
	own, err := tls.LoadX509KeyPair(filepath.Join(k.Dir, serverFile), filepath.Join(k.Dir, serverKey))
	if err != nil {
		return nil, fmt.Errorf("read the witness' keys: %w", err)
	}
	own.Certificate = append(own.Certificate, ca.Certificate[0])
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientCAs: pool}, nil
}

// Invite makes an invitation for a cluster and returns it.
func (k Keys) Invite(cluster string, now time.Time) (string, error) {
	ca, err := k.authority()
	if err != nil {
		return "", err
	}
	if cluster == "" || strings.ContainsAny(cluster, "\n") {
		return "", errors.New("invite a cluster: its name, totem.cluster_name, is needed")
	}
	var secret [16]byte
	rand.Read(secret[:])
	name := hex.EncodeToString(hashOf(secret[:]))
	text := fmt.Sprintf("%d\n%s\n", now.Add(invitationLife).Unix(), cluster)
	if err := atomicfile.Write(filepath.Join(k.Dir, invitations, name), []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("keep the invitation: %w", err)
	}
	return hex.EncodeToString(hashOf(ca.Certificate[0])) + "-" + hex.EncodeToString(secret[:]), nil
}

func hashOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// errInvitation says why nobody is let in, without saying whether there is such an invitation.
var errInvitation = errors.New("the invitation is unknown, used up or too old, or is for another cluster; make another with 'holdfast witness --setup CLUSTER' on the witness")

// redeem uses an invitation up and returns the cluster that it is for.
func (k Keys) redeem(secret string, now time.Time) (cluster string, err error) {
	raw, err := hex.DecodeString(secret)
	if err != nil || len(raw) != 16 {
		return "", errInvitation
	}
	path := filepath.Join(k.Dir, invitations, hex.EncodeToString(hashOf(raw)))
	text, err := os.ReadFile(path)
	if err != nil {
		return "", errInvitation
	}
	if err := os.Remove(path); err != nil {
		return "", errInvitation // another caller was first
	}
	var until int64
	line, cluster, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if _, err := fmt.Sscan(line, &until); err != nil || !ok || now.Unix() > until {
		return "", errInvitation
	}
	return cluster, nil
}

// Issue makes a cluster's certificate and key here, for a host that cannot ask for them.
func (k Keys) Issue(cluster string) (Certificate, error) {
	key, request, err := newRequest(cluster)
	if err != nil {
		return Certificate{}, err
	}
	certificate, authority, err := k.sign(cluster, request)
	return Certificate{Authority: authority, Certificate: certificate, Key: key}, err
}

// sign makes the certificate of a cluster.
func (k Keys) sign(cluster string, request []byte) (certificate, authority []byte, err error) {
	ca, err := k.authority()
	if err != nil {
		return nil, nil, err
	}
	r, err := x509.ParseCertificateRequest(request)
	if err == nil {
		err = r.CheckSignature()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the certificate request: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, certificateFor(cluster), ca.Leaf, r.PublicKey, ca.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate of cluster %q: %w", cluster, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate[0]}), nil
}
