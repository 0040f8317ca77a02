package plane

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// handshakeFetches are asked of both over TLS; those marked as each connection's own are compared with what the client knows.
var handshakeFetches = []string{
	"ssl_f_sha1,hex", "ssl_f_der,sha1,hex", "ssl_f_serial,hex", "ssl_f_version", "ssl_f_notbefore", "ssl_f_notafter", "ssl_f_s_dn", "ssl_f_s_dn(CN)", "ssl_f_i_dn(CN,1)", "ssl_f_key_alg", "ssl_f_sig_alg",
	"ssl_fc_protocol_hello_id", "ssl_fc_cipherlist_bin,hex", "ssl_fc_cipherlist_bin(1),be2dec(-,2)", "ssl_fc_cipherlist_hex", "ssl_fc_cipherlist_str", "ssl_fc_cipherlist_xxh",
	"ssl_fc_eclist_bin(1),be2dec(-,2)", "ssl_fc_extlist_bin(1),be2dec(-,2)", "ssl_fc_ecformats_bin,be2dec(-,1)", "ssl_fc_npn",
}

// TestHandshakesShowWhatHAProxyShows: what clients offer, the certificate that they were shown, and the connection's secrets, which the client has, too.
func TestHandshakesShowWhatHAProxyShows(t *testing.T) {
	t.Parallel()
	var rules strings.Builder
	for i, f := range handshakeFetches {
		fmt.Fprintf(&rules, " http-after-response set-header X-%d <%%[%s]>\n", i, f)
	}
	b := startBoth(t, "global\n tune.ssl.capture-buffer-size 2000\n tune.ssl.keylog on\nlisten l\n bind %PORT1 ssl crt "+newCertificate(t, "127.0.0.1")+"\n"+rules.String()+
		" http-after-response set-header X-Random %[ssl_fc_client_random,hex]\n http-after-response set-header X-Key %[ssl_fc_session_key,hex]\n"+
		" http-after-response set-header X-Traffic %[ssl_fc_client_traffic_secret_0]|%[ssl_fc_server_traffic_secret_0]|%[ssl_fc_client_handshake_traffic_secret]|%[ssl_fc_server_handshake_traffic_secret]\n"+
		" http-request return status 200\n")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ask := func(address string) http.Header {
			var log bytes.Buffer
			transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "example.org", MaxVersion: version, KeyLogWriter: &log,
				NextProtos: []string{"http/1.1"}, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}}
			answer, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://" + address + "/")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			known := map[string]string{}
			random := ""
			for line := range strings.Lines(log.String()) {
				words := strings.Fields(line)
				known[words[0]], random = words[2], words[1]
			}
			if got := answer.Header.Get("X-Random"); !strings.EqualFold(got, random) {
				t.Errorf("%s: the client's random number is %s, not %s", address, random, got)
			}
			if key := known["CLIENT_RANDOM"]; key != "" && !strings.EqualFold(answer.Header.Get("X-Key"), key) {
				t.Errorf("%s: the key is %s, not %s", address, key, answer.Header.Get("X-Key"))
			}
			want := known["CLIENT_TRAFFIC_SECRET_0"] + "|" + known["SERVER_TRAFFIC_SECRET_0"] + "|" + known["CLIENT_HANDSHAKE_TRAFFIC_SECRET"] + "|" + known["SERVER_HANDSHAKE_TRAFFIC_SECRET"]
			if got := answer.Header.Get("X-Traffic"); got != want {
				t.Errorf("%s: the secrets are %s, not %s", address, want, got)
			}
			return answer.Header
		}
		theirs, ours := ask(b.theirs), ask(b.ours.address(1))
		for i, f := range handshakeFetches {
			name := fmt.Sprintf("X-%d", i)
			if got, want := ours.Get(name), theirs.Get(name); got != want {
				t.Errorf("%s: %s is %s, HAProxy's %s", tls.VersionName(version), f, got, want)
			}
		}
	}
}

// TestSecretsOfHandshakesDoNotPileUp: those that nobody takes are forgotten.
func TestSecretsOfHandshakesDoNotPileUp(t *testing.T) {
	t.Parallel()
	var k keylog
	for i := range mostKept + 100 {
		fmt.Fprintf(&k, "CLIENT_RANDOM %064x %096x\n", i, i)
	}
	if n := len(k.values); n > mostKept {
		t.Errorf("%d are kept", n)
	}
	last := binary.BigEndian.AppendUint32(make([]byte, 28), mostKept+99)
	if got := k.take(last); got["CLIENT_RANDOM"] == "" || k.take(last) != nil {
		t.Errorf("the last are %v", got)
	}
}
