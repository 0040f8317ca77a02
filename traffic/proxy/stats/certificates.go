package stats

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/certificate"
)

var certificateCommands = []command{
	{"show ssl cert", Operator, "the certificates; with a name, one", (*Server).showCertificate, nil},
	{"new ssl cert", Administrator, "a place for a certificate", onCertificates((*certificate.Store).NewFile, "New empty certificate store '%s'!\n"), nil},
	{"set ssl cert", Administrator, "a certificate with chain and key, in PEM behind <<, to be committed", nil, (*conversation).setCertificate},
	{"commit ssl cert", Administrator, "have what was set count", onCertificates((*certificate.Store).CommitFile, "Committing %s.\nSuccess!\n"), nil},
	{"abort ssl cert", Administrator, "forget what was set", onCertificates((*certificate.Store).AbortFile, "Transaction aborted for certificate '%s'!\n"), nil},
	{"del ssl cert", Administrator, "forget a certificate that nothing uses", onCertificates((*certificate.Store).DeleteFile, "Certificate '%s' deleted!\n"), nil},
	{"show ssl crt-list", Operator, "the lists of certificates; with a name, its lines; -n for their numbers", (*Server).showList, nil},
	{"add ssl crt-list", Administrator, "add to a list: a certificate, or a line behind <<", nil, (*conversation).addToList},
	{"del ssl crt-list", Administrator, "take a certificate out of a list: NAME or NAME:LINE", (*Server).delFromList, nil},
	{"show tls-keys", Operator, "the files of keys that seal tickets; with * or one of them, the keys", (*Server).showTickets, nil},
	{"set ssl tls-key", Administrator, "a key to come into a file of such: #NUMBER or FILE, and the key in base64", (*Server).setTicket, nil},
	{"show ssl ocsp-response", Operator, "the responses of OCSP that go with certificates", (*Server).showStaples, nil},
	{"set ssl ocsp-response", Administrator, "the response of OCSP for a certificate, in base64", nil, (*conversation).setStaple},
}

// authorityCommands are those about authorities, and about what they have revoked.
func authorityCommands() []command {
	var all []command
	for _, kind := range []struct {
		name    string
		revoked bool
	}{{"ca-file", false}, {"crl-file", true}} {
		what, revoked := map[bool]string{false: "CA file", true: "CRL file"}[kind.revoked], kind.revoked
		on := func(f func(*certificate.Store, string) error, said string) func(*Server, io.Writer, []string) error {
			return onCertificates(f, said)
		}
		all = append(all,
			command{"show ssl " + kind.name, Operator, "the files of this kind", func(s *Server, w io.Writer, _ []string) error { return s.showAuthorities(w, revoked) }, nil},
			command{"new ssl " + kind.name, Administrator, "a place for such a file",
				on(func(s *certificate.Store, name string) error { return s.NewAuthorities(name, revoked) }, "New "+what+" created '%s'!\n"), nil},
			command{"set ssl " + kind.name, Administrator, "PEM behind <<, to be committed", nil, setAuthorities(revoked)},
			command{"commit ssl " + kind.name, Administrator, "have what was set count",
				on(func(s *certificate.Store, name string) error { return s.CommitAuthorities(name, revoked, false) }, "Committing %s.\nSuccess!\n"), nil},
			command{"abort ssl " + kind.name, Administrator, "forget what was set",
				on(func(s *certificate.Store, name string) error { return s.CommitAuthorities(name, revoked, true) }, "Transaction aborted for '%s'!\n"), nil},
			command{"del ssl " + kind.name, Administrator, "forget a file that nothing uses",
				on(func(s *certificate.Store, name string) error { return s.DeleteAuthorities(name, revoked) }, what+" '%s' deleted!\n"), nil})
	}
	return all
}

func (s *Server) certificates() *certificate.Store { return s.Plane.Snapshot().Certificates() }

// onCertificates is a command that does something by a name.
func onCertificates(do func(*certificate.Store, string) error, said string) func(*Server, io.Writer, []string) error {
	return func(s *Server, w io.Writer, args []string) error {
		if len(args) != 1 {
			return errors.New("a name is expected")
		}
		err := do(s.certificates(), args[0])
		switch {
		case err != nil:
		case strings.HasPrefix(said, "Committing"): // it has no severity with HAProxy, either
			fmt.Fprintf(w, said, args[0])
		default:
			tell(w, notice, strings.TrimSuffix(said, "\n"), args[0])
		}
		return err
	}
}

func (s *Server) showCertificate(w io.Writer, args []string) error {
	all := s.certificates().Files()
	if len(args) == 0 {
		for _, l := range all {
			if l.Pending {
				fmt.Fprintf(w, "# transaction\n*%s\n", l.File.Name)
			}
		}
		fmt.Fprintln(w, "# filename")
		for _, l := range all {
			fmt.Fprintln(w, l.File.Name)
		}
		return nil
	}
	for _, l := range all {
		if l.File.Name == args[0] {
			describeCertificate(w, l)
			return nil
		}
	}
	return errors.New("can't display the certificate: not found")
}

func describeCertificate(w io.Writer, l certificate.Listed) {
	c := l.File.Certificate()
	status := "Unused"
	switch {
	case c == nil:
		status = "Empty"
	case l.Used:
		status = "Used"
	}
	fmt.Fprintf(w, "Filename: %s\nStatus: %s\n", l.File.Name, status)
	if c == nil {
		return
	}
	leaf := c.Leaf
	const day = "Jan _2 15:04:05 2006 GMT"
	fmt.Fprintf(w, "Serial: %X\nnotBefore: %s\nnotAfter: %s\n", leaf.SerialNumber, leaf.NotBefore.UTC().Format(day), leaf.NotAfter.UTC().Format(day))
	var names []string
	for _, n := range leaf.DNSNames {
		names = append(names, "DNS:"+n)
	}
	for _, a := range leaf.IPAddresses {
		names = append(names, "IP Address:"+a.String())
	}
	fmt.Fprintf(w, "Subject Alternative Name: %s\nAlgorithm: %s\nSHA1 FingerPrint: %s\nSubject: %s\nIssuer: %s\n", strings.Join(names, ", "), algorithm(leaf),
		certificate.Fingerprint(c), oneLine(leaf.Subject), oneLine(leaf.Issuer))
	key := ""
	if staple, err := certificate.ParseStaple(c.OCSPStaple); err == nil {
		key = staple.Key
	}
	fmt.Fprintf(w, "OCSP Response Key: %s\n", key)
}

func algorithm(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA" + strconv.Itoa(key.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC" + strconv.Itoa(key.Curve.Params().BitSize)
	}
	return c.PublicKeyAlgorithm.String()
}

// short are the names of attributes that distinguished names are written with.
var short = map[string]string{"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU"}

// oneLine is a distinguished name as OpenSSL's oneline format has it.
func oneLine(n pkix.Name) string {
	var b strings.Builder
	for _, a := range n.Names {
		name := short[a.Type.String()]
		if name == "" {
			name = a.Type.String()
		}
		fmt.Fprintf(&b, "/%s=%v", name, a.Value)
	}
	return b.String()
}

func (c *conversation) setCertificate(args []string) error {
	if len(args) != 1 || c.payload == "" {
		return errors.New("a name and PEM behind << are expected")
	}
	replaced, err := c.certificates().SetFile(args[0], []byte(c.payload))
	if err != nil {
		return err
	}
	if replaced {
		c.tell(notice, "Transaction updated for certificate %s!", args[0])
	} else {
		c.tell(notice, "Transaction created for certificate %s!", args[0])
	}
	return nil
}

func setAuthorities(revoked bool) func(*conversation, []string) error {
	return func(c *conversation, args []string) error {
		if len(args) != 1 || c.payload == "" {
			return errors.New("a name and PEM behind << are expected")
		}
		err := c.certificates().SetAuthorities(args[0], revoked, []byte(c.payload))
		if err == nil {
			c.tell(notice, "Transaction created for %s!", args[0])
		}
		return err
	}
}

func (s *Server) showAuthorities(w io.Writer, revoked bool) error {
	fmt.Fprintln(w, "# filename")
	for _, a := range s.certificates().AllAuthorities(revoked) {
		if revoked {
			fmt.Fprintln(w, a.Name)
		} else {
			fmt.Fprintf(w, "%s - %d certificate(s)\n", a.Name, a.Count())
		}
	}
	return nil
}

func (s *Server) showList(w io.Writer, args []string) error {
	numbered := len(args) > 0 && args[0] == "-n"
	if numbered {
		args = args[1:]
	}
	if len(args) == 0 {
		for _, name := range s.certificates().Lists() {
			fmt.Fprintln(w, name)
		}
		return nil
	}
	entries, err := s.certificates().Entries(args[0])
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# %s\n", args[0])
	for _, e := range entries {
		line := e.File.Name
		if numbered {
			line += ":" + strconv.Itoa(e.Line)
		}
		if e.Options != "" {
			line += " [" + e.Options + "]"
		}
		fmt.Fprintln(w, strings.Join(append([]string{line}, e.Filters...), " "))
	}
	return nil
}

func (c *conversation) addToList(args []string) error {
	line := strings.TrimSpace(c.payload)
	if len(args) < 1 || len(args) < 2 && line == "" {
		return errors.New("a list, and a certificate or a line behind <<, are expected")
	}
	if line == "" {
		line = strings.Join(args[1:], " ")
	}
	name := strings.Fields(line)[0]
	if err := c.certificates().AddToList(args[0], line); err != nil {
		return err
	}
	c.say("Inserting certificate '%s' in crt-list '%s'.\nSuccess!\n", name, args[0])
	return nil
}

func (s *Server) delFromList(w io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("a list and a certificate are expected")
	}
	name, line := args[1], 0
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		if n, err := strconv.Atoi(name[i+1:]); err == nil {
			name, line = name[:i], n
		}
	}
	if err := s.certificates().RemoveFromList(args[0], name, line); err != nil {
		return err
	}
	tell(w, notice, "Entry '%s' deleted in crtlist '%s'!", name, args[0])
	return nil
}

func (s *Server) showStaples(w io.Writer, _ []string) error {
	fmt.Fprintln(w, "# Certificate IDs")
	for _, l := range s.certificates().Files() {
		c := l.File.Certificate()
		if c == nil {
			continue
		}
		if staple, err := certificate.ParseStaple(c.OCSPStaple); err == nil {
			fmt.Fprintf(w, "Certificate ID key : %s\nCertificate path : %s\n Serial Number: %X\n This Update: %s\n Next Update: %s\n", staple.Key, l.File.Name, staple.Serial,
				staple.ThisUpdate.UTC(), staple.NextUpdate.UTC())
		}
	}
	return nil
}

func (c *conversation) setStaple(args []string) error {
	text := strings.Join(strings.Fields(c.payload), "") + strings.Join(args, "")
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text == "" {
		return errors.New("'set ssl ocsp-response' expects response in base64 encoding")
	}
	if err := c.certificates().SetStaple(der, c.Now()); err != nil {
		return err
	}
	c.say("OCSP Response updated!\n")
	return nil
}
