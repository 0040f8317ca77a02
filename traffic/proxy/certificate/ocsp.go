package certificate

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// The parts of an OCSP response that tell whom it is of and how long it holds (RFC 6960, section 4.2.1).
type ocspResponse struct {
	Status   asn1.Enumerated
	Response struct {
		Type     asn1.ObjectIdentifier
		Response []byte
	} `asn1:"explicit,tag:0,optional"`
}

type ocspBasic struct {
	Data               ocspData
	SignatureAlgorithm pkix.AlgorithmIdentifier
	Signature          asn1.BitString
	Certificates       []asn1.RawValue `asn1:"explicit,tag:0,optional"`
}

type ocspData struct {
	Version    int `asn1:"optional,default:0,explicit,tag:0"`
	Responder  asn1.RawValue
	ProducedAt time.Time `asn1:"generalized"`
	Responses  []ocspSingle
}

type ocspSingle struct {
	ID struct {
		HashAlgorithm pkix.AlgorithmIdentifier
		NameHash      []byte
		KeyHash       []byte
		Serial        *big.Int
	}
	Good       asn1.Flag        `asn1:"tag:0,optional"`
	Revoked    asn1.RawValue    `asn1:"tag:1,optional"`
	Unknown    asn1.Flag        `asn1:"tag:2,optional"`
	ThisUpdate time.Time        `asn1:"generalized"`
	NextUpdate time.Time        `asn1:"generalized,explicit,tag:0,optional"`
	Extensions []pkix.Extension `asn1:"explicit,tag:1,optional"`
}

// Staple is what a response says.
type Staple struct {
	Key                    string // names the certificate: the response's own identifier in hexadecimal digits
	Serial                 *big.Int
	Good                   bool
	ThisUpdate, NextUpdate time.Time
}

// ParseStaple reads a response about one certificate.
func ParseStaple(der []byte) (s Staple, err error) {
	var r ocspResponse
	if rest, err := asn1.Unmarshal(der, &r); err != nil || len(rest) > 0 || r.Status != 0 {
		return s, errors.New("it is not a response that was successful")
	}
	var basic ocspBasic
	if _, err := asn1.Unmarshal(r.Response.Response, &basic); err != nil {
		return s, fmt.Errorf("it is not a basic response: %w", err)
	}
	if len(basic.Data.Responses) != 1 {
		return s, fmt.Errorf("it is about %d certificates, want one", len(basic.Data.Responses))
	}
	one := basic.Data.Responses[0]
	id, err := asn1.Marshal(one.ID)
	if err != nil || one.ID.Serial == nil {
		return s, errors.New("it does not say which certificate it is about")
	}
	return Staple{hex.EncodeToString(id), one.ID.Serial, bool(one.Good), one.ThisUpdate, one.NextUpdate}, nil
}

// checkStaple makes sure that a response is about a certificate, says that it is good, and still holds.
func checkStaple(der []byte, leaf *x509.Certificate, now time.Time) error {
	s, err := ParseStaple(der)
	switch {
	case err != nil:
		return err
	case s.Serial.Cmp(leaf.SerialNumber) != 0:
		return errors.New("the OCSP response is of another certificate")
	case !s.Good:
		return errors.New("the OCSP response does not say that the certificate is good")
	case !s.NextUpdate.IsZero() && now.After(s.NextUpdate):
		return fmt.Errorf("the OCSP response held until %s", s.NextUpdate)
	}
	return nil
}

// SetStaple gives the certificate that a response is about that response.
func (s *Store) SetStaple(der []byte, now time.Time) error {
	staple, err := ParseStaple(der)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for _, f := range s.files {
		c := f.Certificate()
		if c == nil || c.Leaf.SerialNumber.Cmp(staple.Serial) != 0 {
			continue
		}
		if err := checkStaple(der, c.Leaf, now); err != nil {
			return err
		}
		next := *c
		next.OCSPStaple = bytes.Clone(der)
		f.current.Store(&next)
		found = true
	}
	if !found {
		return errors.New("OCSP single response: no certificate of the configuration matches it")
	}
	return nil
}

// Fingerprint is a certificate's SHA-1 as operators compare it.
func Fingerprint(c *tls.Certificate) string { return fmt.Sprintf("%X", sha1.Sum(c.Certificate[0])) }
