package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Loading is how certificates are read: what may lie beside a file, and what completes or shortens its chain.
type Loading struct {
	Without  []string // of key, ocsp, issuer, sctl and bundle: what is not looked for beside a file
	Replace  bool     // the file beside shop.crt is shop.key, not shop.crt.key
	Chains   string   // a directory of chains for certificates that come without one; "": none
	OmitRoot bool     // a chain that is one certificate which issued itself is not sent
	chains   []chain
}

// bundled are the endings under which one certificate may lie with several kinds of keys.
var bundled = []string{".rsa", ".ecdsa", ".dsa"}

// beside is the name of the file that has more of a certificate; extra begins with a dot.
func (l *Loading) beside(name, extra string) string {
	if ext := filepath.Ext(name); l.Replace && ext != "" && !slices.Contains(bundled, ext) {
		name = strings.TrimSuffix(name, ext)
	}
	return name + extra
}

// expand lists the files behind a name: those of a directory, in order, the file itself, or where there is none its bundle.
func (l *Loading) expand(name string) ([]string, error) {
	info, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) && !slices.Contains(l.Without, "bundle") {
		var all []string
		for _, ending := range bundled {
			if _, bad := os.Stat(name + ending); bad == nil {
				all = append(all, name+ending)
			}
		}
		if len(all) > 0 {
			return all, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	all, err := filepath.Glob(filepath.Join(name, "*"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(n string) bool {
		info, err := os.Stat(n)
		return isExtra(n) || strings.HasPrefix(filepath.Base(n), ".") || err == nil && info.IsDir()
	}), nil
}

// readChains reads the directory of chains.
func (l *Loading) readChains(read func(string) ([]byte, error)) error {
	names, err := filepath.Glob(filepath.Join(l.Chains, "*"))
	if err != nil || l.Chains == "" {
		return err
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		text, err := read(name)
		if err != nil {
			return fmt.Errorf("read chain: %w", err)
		}
		var c chain
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				c.encoded = append(c.encoded, block.Bytes)
			}
		}
		if len(c.encoded) == 0 {
			continue
		}
		if c.first, err = x509.ParseCertificate(c.encoded[0]); err != nil {
			return fmt.Errorf("chain %s: %w", name, err)
		}
		l.chains = append(l.chains, c)
	}
	return nil
}

// chain is what a directory of chains has in one file.
type chain struct {
	first   *x509.Certificate
	encoded [][]byte
}

// complete gives a certificate that came alone its chain, and takes a chain away that is a root alone.
func (l *Loading) complete(c *tls.Certificate) {
	if len(c.Certificate) == 1 {
		for _, one := range l.chains {
			if string(one.first.RawSubject) == string(c.Leaf.RawIssuer) && c.Leaf.CheckSignatureFrom(one.first) == nil {
				c.Certificate = append(c.Certificate, one.encoded...)
				break
			}
		}
	}
	if l.OmitRoot && len(c.Certificate) == 2 {
		if root, err := x509.ParseCertificate(c.Certificate[1]); err == nil && string(root.RawIssuer) == string(root.RawSubject) {
			c.Certificate = c.Certificate[:1]
		}
	}
}

// material is all that makes a certificate: PEM, and what lay beside it, by its ending.
type material struct {
	text   []byte
	beside map[string][]byte
}

// parse makes a certificate of its material.
func (l *Loading) parse(name string, m material) (*tls.Certificate, error) {
	key := m.text
	if !hasKey(m.text) {
		if key = m.beside[".key"]; key == nil {
			return nil, fmt.Errorf("certificate %s: it has no private key, and there is no %s", name, l.beside(name, ".key"))
		}
	}
	if strings.Contains(string(key), "ENCRYPTED") {
		return nil, fmt.Errorf("certificate %s: its private key is encrypted, and there is nobody to ask for the pass phrase: decrypt it with openssl pkey", name)
	}
	one, err := tls.X509KeyPair(m.text, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	l.complete(&one)
	if issuer := m.beside[".issuer"]; issuer != nil && len(one.Certificate) == 1 {
		if block, _ := pem.Decode(issuer); block != nil {
			one.Certificate = append(one.Certificate, block.Bytes)
		}
	}
	if staple := m.beside[".ocsp"]; len(staple) > 0 {
		if err := checkStaple(staple, one.Leaf, time.Now()); err != nil {
			return nil, fmt.Errorf("certificate %s: %s: %w", name, l.beside(name, ".ocsp"), err)
		}
		one.OCSPStaple = staple
	}
	if list := m.beside[".sctl"]; len(list) > 0 {
		if one.SignedCertificateTimestamps, err = parseTimestamps(list); err != nil {
			return nil, fmt.Errorf("certificate %s: %s: %w", name, l.beside(name, ".sctl"), err)
		}
	}
	return &one, nil
}

func hasKey(text []byte) bool { return strings.Contains(string(text), "PRIVATE KEY-----") }

// parseTimestamps reads a list of timestamps of Certificate Transparency (RFC 6962, section 3.3): each behind its length, all behind theirs.
func parseTimestamps(b []byte) (all [][]byte, err error) {
	wrong := errors.New("it is not a list of timestamps (RFC 6962)")
	if len(b) < 2 || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
		return nil, wrong
	}
	for b = b[2:]; len(b) > 0; {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, wrong
		}
		end := 2 + int(binary.BigEndian.Uint16(b))
		all, b = append(all, b[2:end]), b[end:]
	}
	return all, nil
}
