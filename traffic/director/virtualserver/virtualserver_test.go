package virtualserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/golden"
	"holdfast/traffic/director/config"
	"holdfast/traffic/keepalived"
)

func compile(text string) (*config.Config, error) {
	tree, err := keepalived.Read(keepalived.Texts{"keepalived.conf": text}, "keepalived.conf", "host")
	if err != nil {
		return nil, err
	}
	return Compile(tree, config.Literal{})
}

// TestGolden compiles each testdata/*.txt: the operator's text, a line of dashes, the model as JSON or the error.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden.Models(t, func(text string) (any, error) { return compile(text) })
}

// TestDebiansSamples compiles those of keepalived's samples that balance.
func TestDebiansSamples(t *testing.T) {
	t.Parallel()
	names, _ := filepath.Glob("/usr/share/doc/keepalived/samples/keepalived.conf.*")
	if len(names) == 0 {
		t.Skip("keepalived's samples are not installed")
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := compile(string(b)); err != nil && !strings.Contains(err.Error(), "no virtual_server") {
			t.Errorf("%s: %v", name, err)
		} else if err == nil && len(c.Services[0].Servers) == 0 {
			t.Errorf("%s: no servers", name)
		}
	}
}

const minimal = "virtual_server 10.0.0.1 80 {\n lvs_sched rr\n real_server 10.0.0.11 80 {\n  TCP_CHECK {\n%\n  }\n }\n}\n"

// TestWrongLines puts one wrong line into a checker; braces leave it. The error names file, line and word.
func TestWrongLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"connect_timeot 3":      `keepalived.conf:5: "connect_timeot" is not known here; did you mean "connect_timeout"?`,
		"connect_timeout never": `keepalived.conf:5: connect_timeout: "never": want seconds`,
		"connect_port 0":        `keepalived.conf:5: connect_port: "0": want a number from 1 to 65535`,
		"connect_ip 10.0.0.999": `connect_ip: "10.0.0.999": want an IPv4 or IPv6 address`,
		"}\nBFD_CHECK {":        `keepalived.conf:6: BFD_CHECK: bidirectional forwarding detection is not spoken here`,
		"}\nHTTP_GET {":         `keepalived.conf:6: HTTP_GET: it has no url`,
		"}\nHTTP_GET {\nurl { path /\n status_code 2 }": `status_code: "2": want a status from 100 to 999`,
		"}\nHTTP_GET {\nurl { regex \"(?=x)\"\n }":      `is no regular expression that is understood`,
		"}\nMISC_CHECK {":                                                                    `keepalived.conf:6: MISC_CHECK: what it runs is missing`,
		"}\nlvs_method BRIDGE\nTCP_CHECK {":                                                  `keepalived.conf:6: lvs_method: "BRIDGE": want NAT, DR or TUN`,
		"}\nlvs_method TUN type vxlan\nTCP_CHECK {":                                          `type "vxlan": want ipip, gue or gre`,
		"}\n}\nlvs_sched best\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":                      `keepalived.conf:7: lvs_sched: "best": want one of rr`,
		"}\n}\nquorum 0\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":                            `quorum: "0": want a number from 1`,
		"}\n}\nprotocol ICMP\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":                       `protocol: "ICMP" is no protocol: want tcp, udp or sctp`,
		"}\n}\nreal_server 10.0.0.11 80 {\nTCP_CHECK {":                                      `keepalived.conf:7: real_server: server 10.0.0.11:80 is there twice`,
		"}\n}\nsorry_server 10.0.0.999 80\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":          `keepalived.conf:7: sorry_server: "10.0.0.999"`,
		"}\nHTTP_GET {\nurl { digest beef\n }":                                               `digest: "beef": want the MD5 sum of the page`,
		"}\n}\nreal_server 10.0.0.12 99999 {\nTCP_CHECK {":                                   `real_server: port "99999": want 0 to 65535`,
		"}\n}\npersistence_granularity 255.0.255.0\nreal_server 10.0.0.12 80 {\nTCP_CHECK {": `want ones followed by zeros`,
		"}\n}\n}\nvirtual_server 10.0.0.1 80 {\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":     `service tcp 10.0.0.1:80 is at keepalived.conf:1 already`,
		"}\n}\n}\nvirtual_server group web {\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":       `there is no virtual_server_group "web"`,
		"}\n}\n}\nvirtual_server fwmark 0 {\nreal_server 10.0.0.12 80 {\nTCP_CHECK {":        `fwmark "0": want a number, at least 1`,
	} {
		if _, err := compile(strings.Replace(minimal, "%", line, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", line, err, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, input := range golden.Inputs(f, "testdata/*.txt", golden.Separator) {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := compile(text)
		if err != nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
