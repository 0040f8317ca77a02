package certificate

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// suite is a cipher suite of TLS 1.2 under OpenSSL's name, with the words by which OpenSSL's lists choose it (ciphers(1)).
type suite struct {
	name  string
	id    uint16
	words string
}

// suites are those that the TLS library speaks and OpenSSL 3 does too.
var suites = []suite{
	{"ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "aECDSA ECDSA AES AES256 AESGCM AEAD TLSv1.2"},
	{"ECDHE-RSA-AES256-GCM-SHA384", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "aRSA AES AES256 AESGCM AEAD TLSv1.2"},
	{"ECDHE-ECDSA-CHACHA20-POLY1305", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "aECDSA ECDSA CHACHA20 AEAD TLSv1.2"},
	{"ECDHE-RSA-CHACHA20-POLY1305", tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "aRSA CHACHA20 AEAD TLSv1.2"},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "aECDSA ECDSA AES AES128 AESGCM AEAD TLSv1.2"},
	{"ECDHE-RSA-AES128-GCM-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "aRSA AES AES128 AESGCM AEAD TLSv1.2"},
	{"ECDHE-ECDSA-AES128-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "aECDSA ECDSA AES AES128 SHA256 TLSv1.2"},
	{"ECDHE-RSA-AES128-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "aRSA AES AES128 SHA256 TLSv1.2"},
	{"ECDHE-ECDSA-AES256-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "aECDSA ECDSA AES AES256 SHA SHA1 TLSv1 TLSv1.0"},
	{"ECDHE-RSA-AES256-SHA", tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "aRSA AES AES256 SHA SHA1 TLSv1 TLSv1.0"},
	{"ECDHE-ECDSA-AES128-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "aECDSA ECDSA AES AES128 SHA SHA1 TLSv1 TLSv1.0"},
	{"ECDHE-RSA-AES128-SHA", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "aRSA AES AES128 SHA SHA1 TLSv1 TLSv1.0"},
	{"AES256-GCM-SHA384", tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "kRSA RSA aRSA AES AES256 AESGCM AEAD TLSv1.2"},
	{"AES128-GCM-SHA256", tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "kRSA RSA aRSA AES AES128 AESGCM AEAD TLSv1.2"},
	{"AES128-SHA256", tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "kRSA RSA aRSA AES AES128 SHA256 TLSv1.2"},
	{"AES256-SHA", tls.TLS_RSA_WITH_AES_256_CBC_SHA, "kRSA RSA aRSA AES AES256 SHA SHA1 SSLv3"},
	{"AES128-SHA", tls.TLS_RSA_WITH_AES_128_CBC_SHA, "kRSA RSA aRSA AES AES128 SHA SHA1 SSLv3"},
}

// matches tells whether a suite is meant by a word of a list.
func (s *suite) matches(word string) bool {
	switch word {
	case s.name, "ALL", "DEFAULT", "HIGH", "FIPS":
		return true
	case "ECDHE", "EECDH", "kECDHE", "kEECDH", "ECDH":
		return strings.HasPrefix(s.name, "ECDHE-")
	}
	return slices.Contains(strings.Fields(s.words), word)
}

// Suites are the cipher suites of TLS up to 1.2 that a list in OpenSSL's language leaves (ciphers(1)). Their order is the library's.
func Suites(list string) ([]uint16, error) {
	var chosen []uint16
	killed := map[uint16]bool{}
	for element := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == ';' }) {
		action, words := element[0], element[1:]
		switch action {
		case '@':
			continue // order and level: the library's own
		case '!', '-', '+':
		default:
			action, words = 0, element
		}
		for i := range suites {
			s := &suites[i]
			all := strings.Split(words, "+")
			if slices.ContainsFunc(all, func(w string) bool { return !s.matches(w) }) {
				continue
			}
			switch {
			case action == '!' || action == '-':
				chosen = slices.DeleteFunc(chosen, func(id uint16) bool { return id == s.id })
				killed[s.id] = killed[s.id] || action == '!'
			case action == 0 && !killed[s.id] && !slices.Contains(chosen, s.id):
				chosen = append(chosen, s.id)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("of the suites in %q none is spoken; there are %s", list, suiteNames())
	}
	return chosen, nil
}

func suiteNames() string {
	var all []string
	for _, s := range suites {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

// suites13 are those of TLS 1.3 that the library speaks, always all of them.
var suites13 = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}

// Restricts13 tells whether a list of TLS 1.3's suites leaves out some that the library speaks all the same.
func Restricts13(list string) (bool, error) {
	known := append([]string{"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"}, suites13...)
	named := strings.Split(list, ":")
	for _, name := range named {
		if !slices.Contains(known, name) {
			return false, fmt.Errorf("suite %q of TLS 1.3 is not known; there are %s", name, strings.Join(suites13, ", "))
		}
	}
	return slices.ContainsFunc(suites13, func(s string) bool { return !slices.Contains(named, s) }), nil
}
