package pcs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/atomicfile"
	"holdfast/cluster/node/client"
)

func certificateCommands() []command {
	return []command{
		{path: "pcsd certkey", syntax: "CERTIFICATE KEY", help: "Lets this host's setup service use a certificate of yours, from the daemon's next start on. Other hosts have to log in again.", options: "force", run: useCertificate},
		{path: "pcsd sync-certificates", help: "Is refused: here every host has a certificate of its own, by which the others know it.", options: "skip-offline", run: refuseSharedCertificate},
	}
}

// refuseSharedCertificate says why hosts do not get this one's certificate. pcsd's hosts may share one, as callers trust whoever shows
// a token; here a caller pins the certificate, and two hosts with the same one could pass for each other.
func refuseSharedCertificate(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	return errors.New("certificates are not given to other hosts: each has its own, by which 'pcs host auth' knows it again, and needs no other's; " +
		"'pcs pcsd certkey CERTIFICATE KEY', run on a host, gives that one a certificate of yours")
}

// useCertificate checks that certificate and key belong together, and stores both in the one file that the daemon reads.
func useCertificate(s *session) error {
	if len(s.args) != 2 {
		return errUsage
	}
	certificate, err := os.ReadFile(s.args[0])
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	key, err := os.ReadFile(s.args[1])
	if err != nil {
		return fmt.Errorf("read the key: %w", err)
	}
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		return fmt.Errorf("%s and %s: %w", s.args[0], s.args[1], err)
	}
	path := filepath.Join(client.Root(""), "var/lib/holdfast/setup/certificate.pem")
	if _, err := os.Stat(path); err == nil {
		if err := s.forceable("this host has a certificate, by which other hosts know it"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store the certificate: %w", err)
	}
	if err := atomicfile.Write(path, append(append(certificate, '\n'), key...), 0o600); err != nil {
		return fmt.Errorf("store the certificate: %w", err)
	}
	s.note("the certificate is used from the daemon's next start on; other hosts have to log in to this one again")
	return nil
}
