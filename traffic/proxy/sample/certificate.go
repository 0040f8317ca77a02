package sample

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// refusedFetches are HAProxy's that are not offered, and why.
var refusedFetches = refusals(map[string]string{
	"the TLS library does not give it out":           `ssl_fc_client_early_traffic_secret ssl_fc_exporter_secret ssl_fc_early_exporter_secret`,
	"the event loops do not measure themselves":      `cpu_calls cpu_ns_avg cpu_ns_tot lat_ns_avg lat_ns_tot`,
	"FastCGI is not spoken":                          `fcgi.docroot fcgi.index`,
	"distcc is not looked into":                      `distcc_body distcc_param`,
	"it is of the insides of another implementation": `internal.htx.data internal.htx.free internal.strm.is_htx`,
})

// refusedConverters are HAProxy's that are not offered, and why.
var refusedConverters = refusals(map[string]string{
	"use xxh64":                 `xxh3`,
	"no database comes with it": `51d.single da-csv-conv`,
})

func refusals(byReason map[string]string) map[string]string {
	all := map[string]string{}
	for why, names := range byReason {
		for _, name := range strings.Fields(names) {
			all[name] = why
		}
	}
	return all
}

// certificateOf is a certificate that fetches read.
type certificateOf func(c *Context) *x509.Certificate

func leaf(t *tls.ConnectionState) *x509.Certificate {
	if t == nil || len(t.PeerCertificates) == 0 {
		return nil
	}
	return t.PeerCertificates[0]
}

func clientCertificate(c *Context) *x509.Certificate { return leaf(c.TLS) }
func serverCertificate(c *Context) *x509.Certificate { return leaf(c.serverTLS()) }

// ownCertificate is the one that the client was shown.
func ownCertificate(c *Context) *x509.Certificate {
	if c.State == nil {
		return nil
	}
	if h := c.State.Handshake(false); h != nil {
		return h.Certificate
	}
	return nil
}

// serverTLS is the TLS of the connection to the server; nil: there is none.
func (c *Context) serverTLS() *tls.ConnectionState {
	if c.State == nil {
		return nil
	}
	_, secure := c.State.ServerSpeaks()
	return secure
}

// certificateFetches are those of a certificate, under a prefix: ssl_c_ of the client's, ssl_s_ of the server's.
func certificateFetches(prefix string, of certificateOf) map[string]fetch {
	one := func(kind Kind, f func(x *x509.Certificate, out *Value)) fetch {
		return single(kind, 0, func(c *Context, out *Value) bool {
			x := of(c)
			if x != nil {
				f(x, out)
			}
			return x != nil
		})
	}
	binary := func(f func(x *x509.Certificate) []byte) fetch {
		return one(Binary, func(x *x509.Certificate, out *Value) { *out = Value{Kind: Binary, Bytes: f(x)} })
	}
	text := func(f func(x *x509.Certificate) string) fetch {
		return one(Text, func(x *x509.Certificate, out *Value) { out.setText(f(x)) })
	}
	name := func(f func(x *x509.Certificate) pkix.RDNSequence) fetch {
		return fetch{Text, 0, 0, 3, func(args []string) (get, error) { return makeName(of, f, args) }}
	}
	const day = "060102150405Z"
	return map[string]fetch{
		prefix + "der":       binary(func(x *x509.Certificate) []byte { return x.Raw }),
		prefix + "sha1":      binary(func(x *x509.Certificate) []byte { sum := sha1.Sum(x.Raw); return sum[:] }),
		prefix + "serial":    binary(func(x *x509.Certificate) []byte { return x.SerialNumber.Bytes() }),
		prefix + "version":   one(Number, func(x *x509.Certificate, out *Value) { out.setNumber(int64(x.Version)) }),
		prefix + "notbefore": text(func(x *x509.Certificate) string { return x.NotBefore.UTC().Format(day) }),
		prefix + "notafter":  text(func(x *x509.Certificate) string { return x.NotAfter.UTC().Format(day) }),
		prefix + "sig_alg":   text(func(x *x509.Certificate) string { return signatureName(x.SignatureAlgorithm) }),
		prefix + "key_alg":   text(keyName),
		prefix + "s_dn":      name(func(x *x509.Certificate) pkix.RDNSequence { return x.Subject.ToRDNSequence() }),
		prefix + "i_dn":      name(func(x *x509.Certificate) pkix.RDNSequence { return x.Issuer.ToRDNSequence() }),
		prefix + "chain_der": binary(func(x *x509.Certificate) []byte { return x.Raw }),
	}
}

// signatureName is an algorithm as OpenSSL writes it: RSA-SHA256.
func signatureName(a x509.SignatureAlgorithm) string {
	before, after, _ := strings.Cut(a.String(), "-")
	switch {
	case strings.HasPrefix(a.String(), "ECDSA"):
		return "ecdsa-with-" + after
	case after == "":
		return strings.ToUpper(a.String())
	case strings.HasPrefix(after, "RSA"):
		return "RSA-" + before
	}
	return after + "-" + before
}

func keyName(x *x509.Certificate) string {
	switch x.PublicKey.(type) {
	case *rsa.PublicKey:
		return "rsaEncryption"
	case *ecdsa.PublicKey:
		return "id-ecPublicKey"
	case ed25519.PublicKey:
		return "ED25519"
	}
	return x.PublicKeyAlgorithm.String()
}

// attributes of names, by their object identifiers
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street", "2.5.4.10": "O",
	"2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.42": "GN", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1": "emailAddress",
}

// makeName makes ssl_c_s_dn and the like (ENTRY,OCCURRENCE,FORMAT): a whole name as /C=FR/CN=a, or with the format rfc2253 as CN=a,C=FR; or one entry's value.
func makeName(of certificateOf, f func(*x509.Certificate) pkix.RDNSequence, args []string) (get, error) {
	args = append(args, "", "", "")[:3]
	occurrence, err := numberOr(args, 1, 0)
	if err != nil {
		return nil, err
	}
	if args[2] != "" && args[2] != "rfc2253" {
		return nil, fmt.Errorf("the format is rfc2253, not %q", args[2])
	}
	return func(c *Context, i int, out *Value) bool {
		x := of(c)
		if i > 0 || x == nil {
			return false
		}
		var entries [][2]string
		for _, set := range f(x) {
			for _, a := range set {
				name := attributeNames[a.Type.String()]
				if name == "" {
					name = a.Type.String()
				}
				entries = append(entries, [2]string{name, fmt.Sprint(a.Value)})
			}
		}
		if args[0] == "" {
			out.setText(wholeName(entries, args[2] != ""))
			return true
		}
		entries = slices.DeleteFunc(entries, func(e [2]string) bool { return e[0] != args[0] })
		at := int(max(occurrence, 1)) - 1
		if occurrence < 0 {
			at = len(entries) + int(occurrence)
		}
		if at < 0 || at >= len(entries) {
			return false
		}
		out.setText(entries[at][1])
		return true
	}, nil
}

func wholeName(entries [][2]string, comma bool) string {
	var out strings.Builder
	if !comma {
		for _, e := range entries {
			out.WriteString("/" + e[0] + "=" + e[1])
		}
		return out.String()
	}
	for i, e := range slices.Backward(entries) {
		out.WriteString(e[0] + "=" + e[1])
		if i > 0 {
			out.WriteByte(',')
		}
	}
	return out.String()
}

// connectionOf are fetches of a TLS connection, under a prefix: ssl_fc_ of the one with the client, ssl_bc_ of that with the server.
func tlsConnectionFetches(prefix string, of func(c *Context) *tls.ConnectionState) map[string]fetch {
	one := func(kind Kind, f func(t *tls.ConnectionState, out *Value) bool) fetch {
		return single(kind, 0, func(c *Context, out *Value) bool { t := of(c); return t != nil && f(t, out) })
	}
	size := one(Number, func(t *tls.ConnectionState, out *Value) bool { out.setNumber(keySize(t.CipherSuite)); return true })
	return map[string]fetch{
		strings.TrimSuffix(prefix, "_"): single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(of(c) != nil); return true }),
		prefix + "is_resumed":           single(Truth, 0, func(c *Context, out *Value) bool { t := of(c); out.setTruth(t != nil && t.DidResume); return true }),
		prefix + "alpn":                 one(Text, func(t *tls.ConnectionState, out *Value) bool { out.setText(t.NegotiatedProtocol); return true }),
		prefix + "cipher":               one(Text, func(t *tls.ConnectionState, out *Value) bool { out.setText(CipherName(t.CipherSuite)); return true }),
		prefix + "protocol":             one(Text, func(t *tls.ConnectionState, out *Value) bool { out.setText(ProtocolName(t.Version)); return true }),
		prefix + "unique_id": one(Binary, func(t *tls.ConnectionState, out *Value) bool {
			*out = Value{Kind: Binary, Bytes: t.TLSUnique}
			return len(t.TLSUnique) > 0
		}),
		prefix + "use_keysize": size,
		prefix + "alg_keysize": size,
		prefix + "err":         one(Number, func(_ *tls.ConnectionState, out *Value) bool { out.setNumber(0); return true }),
		prefix + "err_str":     one(Text, func(_ *tls.ConnectionState, out *Value) bool { out.setText(""); return true }),
	}
}

func keySize(suite uint16) int64 {
	name := tls.CipherSuiteName(suite)
	if strings.Contains(name, "256") && !strings.Contains(name, "AES_128") || strings.Contains(name, "CHACHA20") {
		return 256
	}
	return 128
}

// CipherName is a suite's name as OpenSSL writes it; those of TLS 1.3 are called the same everywhere.
func CipherName(suite uint16) string {
	name := tls.CipherSuiteName(suite)
	before, after, found := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	if !found {
		return name
	}
	after = strings.ReplaceAll(strings.ReplaceAll(after, "AES_128", "AES128"), "AES_256", "AES256")
	after = strings.TrimSuffix(strings.ReplaceAll(after, "CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"), "_CBC")
	after = strings.ReplaceAll(strings.ReplaceAll(after, "_CBC_", "_"), "_", "-")
	if before == "RSA" {
		return after
	}
	return strings.ReplaceAll(before, "_", "-") + "-" + after
}

// ProtocolName is a version's name as OpenSSL writes it: TLSv1.3.
func ProtocolName(version uint16) string {
	if version == tls.VersionTLS10 {
		return "TLSv1"
	}
	return "TLSv1." + strconv.Itoa(int(version)-tls.VersionTLS10)
}

// secureFetches are those of TLS.
var secureFetches = join(
	tlsConnectionFetches("ssl_fc_", func(c *Context) *tls.ConnectionState { return c.TLS }),
	tlsConnectionFetches("ssl_bc_", (*Context).serverTLS),
	certificateFetches("ssl_c_", clientCertificate), certificateFetches("ssl_s_", serverCertificate), certificateFetches("ssl_f_", ownCertificate), handshakeFetches,
	map[string]fetch{
		"ssl_fc_has_crt":   single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(clientCertificate(c) != nil); return true }),
		"ssl_fc_has_sni":   single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(c.TLS != nil && c.TLS.ServerName != ""); return true }),
		"ssl_fc_has_early": constantTruth(false),
		"ssl_c_used":       single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(clientCertificate(c) != nil); return true }),
		"ssl_c_verify":     verified, "ssl_c_err": verified, "ssl_c_ca_err": verified, "ssl_c_ca_err_depth": verified,
		"ssl_fc_sni": single(Text, 0, func(c *Context, out *Value) bool {
			if c.TLS != nil {
				out.setText(c.TLS.ServerName)
			}
			return c.TLS != nil && c.TLS.ServerName != ""
		}),
	})

// verified is 0 for a client with TLS: one whose certificate is not good has no connection.
var verified = single(Number, 0, func(c *Context, out *Value) bool { out.setNumber(0); return c.TLS != nil })
