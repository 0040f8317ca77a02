package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// inDirectory is a Source whose files are in one directory.
type inDirectory string

func (d inDirectory) ReadFile(name string) ([]byte, error) {
	if name != "/dev/null" {
		name = filepath.Join(string(d), name)
	}
	return os.ReadFile(name)
}
func (inDirectory) Environment(string) (string, bool)  { return "", false }
func (inDirectory) Resolve(string) (netip.Addr, error) { return netip.MustParseAddr("127.0.0.1"), nil }

// keywordFiles writes the files that testdata/keywords.cfg names.
func keywordFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.org"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, SubjectKeyId: []byte{1}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}, template, key)
	if err != nil {
		t.Fatal(err)
	}
	encoded := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	for name, text := range map[string]string{
		"server.pem": encoded("CERTIFICATE", certificate) + encoded("PRIVATE KEY", private), "crl.pem": encoded("X509 CRL", revoked),
		"tickets": strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 48))+"\n", 3), "cases": "host Host\n",
		"503.http":  "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\nsorry\n",
		"words.lst": "a\n", "networks.lst": "192.0.2.0/24\n", "words.map": "a b\n", "words-to-numbers.map": "a 1\n", "words-to-addresses.map": "a 192.0.2.1\n",
		"numbers.map": "1 b\n", "numbers-to-numbers.map": "1 1\n", "numbers-to-addresses.map": "1 192.0.2.1\n", "networks.map": "192.0.2.0/24 b\n",
		"networks-to-numbers.map": "192.0.2.0/24 1\n", "networks-to-addresses.map": "192.0.2.0/24 192.0.2.1\n",
		"list.crt": "server.pem [alpn h2 ca-file server.pem verify optional ssl-min-ver TLSv1.2 no-ca-names] example.org\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func keywordLines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/keywords.cfg")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// TestKeywordsOfHAProxy holds testdata/keywords.cfg, which has each keyword of HAProxy 2.6, to what is taken here: all but the lines marked as refused.
func TestKeywordsOfHAProxy(t *testing.T) {
	t.Parallel()
	lines := keywordLines(t)
	_, err := Load([]File{{"keywords.cfg", []byte(strings.Join(lines, "\n"))}}, inDirectory(keywordFiles(t)))
	problems := map[int]string{}
	if err != nil {
		for _, m := range regexp.MustCompile(`(?m)^keywords\.cfg:(\d+): (.*)`).FindAllStringSubmatch(err.Error(), -1) {
			n, _ := strconv.Atoi(m[1])
			problems[n] = m[2]
		}
	}
	taken, refused := 0, 0
	for i, line := range lines {
		switch marked, problem := strings.HasSuffix(line, "# refused"), problems[i+1]; {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case marked && problem == "":
			t.Errorf("line %d is taken though it is marked as refused: %s", i+1, line)
		case marked:
			refused++
		case problem != "":
			t.Errorf("line %d: %s: %s", i+1, strings.TrimSpace(line), problem)
		default:
			taken++
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "proxy.md"))
	if want := fmt.Sprintf("of %d lines %d are taken", taken+refused, taken); err != nil || !strings.Contains(string(text), want) {
		t.Errorf("docs/proxy.md does not say %q: %v", want, err)
	}
}

// TestKeywordsAreHAProxys holds testdata/keywords.cfg to the installed HAProxy: it takes the file, and the file has each keyword that it lists.
func TestKeywordsAreHAProxys(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed")
	}
	version, err := exec.Command(program, "-v").Output()
	if err != nil || !strings.Contains(string(version), "version 2.6") {
		t.Skipf("it is not HAProxy 2.6: %s", version)
	}
	dir := keywordFiles(t)
	all := keywordLines(t)
	var kept []string
	words := map[string]bool{}
	for _, line := range all {
		for _, w := range regexp.MustCompile(`[^ \t(),*+]+`).FindAllString(line, -1) {
			words[w] = true
		}
		if !strings.HasSuffix(line, "# refused") && strings.TrimSpace(line) != "quiet" && strings.TrimSpace(line) != "zero-warning" && !strings.Contains(line, "ssl-dh-param-file") {
			kept = append(kept, line)
		}
	}
	file := filepath.Join(dir, "kept.cfg")
	if err := os.WriteFile(file, []byte(strings.Join(kept, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "-c", "-f", file)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("haproxy: %v: %s", err, out)
	}
	listing, _ := exec.Command(program, "-dKcfg,smp,cnv", "-c", "-f", "/dev/null").Output()                                                                                                                                                         // it says that nothing listens
	insides := regexp.MustCompile(`^(internal\.|fcgi\.|distcc|trace|\[|\d|cli|base32\+src|url32\+src|capture-res|process|buffers|track-sc|peers)|^(ssl-mode-async|ssl-propquery|ssl-provider.*|tune.fail-alloc|tune.ssl.capture-cipherlist-size)$`) // depends on how it was built
	for line := range strings.SplitSeq(string(listing), "\n") {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "Configuration") {
			continue
		}
		line = regexp.MustCompile(`^\[[^]]*\]\s*|: .*|\[ .*|<[a-z]+>`).ReplaceAllString(strings.TrimSpace(line), "")
		for _, w := range strings.Fields(line) {
			w, _, _ = strings.Cut(strings.TrimRight(w, "*"), "(")
			if w != "" && w[0] >= 'a' && w[0] <= 'z' && !insides.MatchString(w) && !words[w] && !strings.Contains(w, ",") && !strings.HasSuffix(w, ")") {
				t.Errorf("%q of %q is not in testdata/keywords.cfg", w, line)
			}
		}
	}
}

// TestMistakesAreExplained makes ten mistakes that people make: file, line, the word, and what is there instead.
func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	for _, m := range []struct{ text, want string }{
		{"frontend a\n bnd :80", `test.cfg:2: directive "bnd" is not known; did you mean "bind"?`},
		{"frontend a\n bind :80000", `test.cfg:2: bind: `},
		{"frontend a\n bind :80\n default_backend web", `there is no backend "web"`},
		{"backend a\n balance roundrobbin", `test.cfg:2: balance algorithm "roundrobbin" is not known; did you mean "roundrobin"?`},
		{"backend a\n server s", `test.cfg:2: server wants at least 2 words behind it, not 1`},
		{"backend a\n server s 127.0.0.1:80 chek", `test.cfg:2: server option "chek" is not known; did you mean "check"?`},
		{"defaults\n timeout clent 5s", `test.cfg:2: timeout "clent" is not known; did you mean "client"?`},
		{"defaults\n timeout client 5sec", `test.cfg:2: timeout client: "5sec" is not a time; write a number and us, ms, s, m, h or d`},
		{"frontend a\n http-request deny if bad", `test.cfg:2: http-request: no acl "bad" was declared before this line`},
		{"frontend a\n http-request set-heder X-A b", `"set-heder" is not known; did you mean "set-header"?`},
		{"frontend a\n acl x path_bg /a", `test.cfg:2: acl "x": fetch "path_bg" is not known`},
		{"frontend a\n http-request set-header X %[path,uper]", `converter "uper" is not known; did you mean "upper"?`},
		{"frontend a\n compression algo gzp", `test.cfg:2: compression algo "gzp" is not known; did you mean "gzip"?`},
		{"frontend a\n http-request cache-use pages", `test.cfg:2: there is no cache "pages"`},
		{"cache c\n max-aeg 4", `test.cfg:2: cache directive "max-aeg" is not known; did you mean "max-age"?`},
		{"frontend a\n http-request normalize-uri path-merge-slash", `"path-merge-slash" is not known; did you mean "path-merge-slashes"?`},
		{"frontend a\n http-request set-timeout client 5s", `test.cfg:2: set-timeout takes server or tunnel, not "client"`},
	} {
		_, err := Load([]File{{"test.cfg", []byte(m.text)}}, inDirectory(t.TempDir()))
		if err == nil || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%q: %v\nwant %s", m.text, err, m.want)
		}
	}
}
