package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// enrolment is what a host asks with, and the answer.
type enrolment struct {
	Secret  string
	Request []byte // PKCS #10
}

type enrolled struct {
	Cluster     string
	Certificate string // PEM
	Authority   string // PEM
	Error       string
}

// Certificate is what a host gets: the files of package device.
type Certificate struct{ Authority, Certificate, Key []byte }

// enrol answers POST /v1/enrol.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	var ask enrolment
	answer := enrolled{}
	err := json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&ask)
	if err == nil {
		answer.Cluster, err = s.keys.redeem(ask.Secret, time.Now())
	}
	if err == nil {
		var certificate, authority []byte
		certificate, authority, err = s.keys.sign(answer.Cluster, ask.Request)
		answer.Certificate, answer.Authority = string(certificate), string(authority)
	}
	if err != nil {
		s.log.Warn("a host was refused a certificate", "from", r.RemoteAddr, "cause", err)
		w.WriteHeader(http.StatusForbidden)
		answer = enrolled{Error: err.Error()}
	} else {
		s.log.Info("a certificate was made", "cluster", answer.Cluster, "for", r.RemoteAddr)
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.log.Debug("answering a host that wants a certificate", "cause", err)
	}
}

// Enrol asks a witness for the certificate of a cluster, with an invitation.
func Enrol(ctx context.Context, host string, port uint16, invitation, cluster string) (Certificate, error) {
	fingerprint, secret, ok := strings.Cut(invitation, "-")
	if raw, err := hex.DecodeString(fingerprint); !ok || err != nil || len(raw) != 32 {
		return Certificate{}, errors.New("the invitation is not one that 'holdfast witness --setup' prints; copy the whole of it")
	}
	key, request, err := newRequest(cluster)
	if err != nil {
		return Certificate{}, err
	}
	answer, err := ask(ctx, net.JoinHostPort(host, fmt.Sprint(port)), fingerprint, enrolment{secret, request})
	if err != nil {
		return Certificate{}, fmt.Errorf("ask the witness %s for a certificate: %w", host, err)
	}
	if answer.Cluster != cluster {
		return Certificate{}, fmt.Errorf("the invitation is for cluster %q, and this is %q; compare totem.cluster_name", answer.Cluster, cluster)
	}
	return Certificate{Authority: []byte(answer.Authority), Certificate: []byte(answer.Certificate), Key: key}, nil
}

// NewRequest makes a key, as PEM, and a certificate request (PKCS #10, DER), for a corosync-qnetd, whose
// operator signs it with corosync-qnetd-certutil -s.
func NewRequest(cluster string) (key, request []byte, err error) { return newRequest(cluster) }

// newRequest makes a key, as PEM, and the request for a certificate for it.
func newRequest(cluster string) (key, request []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if request, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: cluster}}, private); err != nil {
		return nil, nil, fmt.Errorf("make a certificate request: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("write the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), request, nil
}

// ask sends the request to the witness whose authority has the fingerprint, and to no other.
func ask(ctx context.Context, address, fingerprint string, body enrolment) (*enrolled, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection compares the authority itself, which is stricter
		VerifyConnection:   func(state tls.ConnectionState) error { return verify(state, fingerprint) },
	}}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+"/v1/enrol", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer enrolled
	if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return &answer, nil
}

// verify checks that the witness' certificate is signed by the authority of the invitation.
func verify(state tls.ConnectionState, fingerprint string) error {
	for _, c := range state.PeerCertificates {
		if hex.EncodeToString(hashOf(c.Raw)) != fingerprint {
			continue
		}
		return state.PeerCertificates[0].CheckSignatureFrom(c)
	}
	return errors.New("it is not the witness that made the invitation, or it was set up anew since")
}
