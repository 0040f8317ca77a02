package balancing

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// shop is a proxy's configuration. Whoever believes a server up tries it, and who found it down by itself has said so in the ring.
const shop = `global
	stats socket /run/haproxy.sock level admin
	log ring@told local0
ring told
	format short
	size 65536
defaults
	mode http
	retries 3
	option redispatch
	timeout connect 200ms
	timeout client 30s
	timeout server 30s
frontend clients
	bind 10.77.0.99:80 transparent
	default_backend shop
backend shop
	log global
	option httpchk GET /
	default-server check inter 500ms fall 2 rise 2
	server one 10.77.0.13:80
	server two 10.77.0.14:80
	server three 10.77.0.15:80
	server four 10.77.0.13:81 weight 10 disabled
`

// pair is a cluster of two hosts that balance the load of three servers, of which the second does not run.
type pair struct {
	*fleettest.Fleet
	testing.TB
}

func newPair(t *testing.T, clone bool) pair {
	t.Helper()
	fleettest.Root(t)
	p := pair{TB: t, Fleet: fleettest.Begin(t, 4*time.Minute, fleet.Config{
		Hosts: lab.Names("p", 2), Remotes: lab.Names("s", 3), Binary: fleet.Program(), Quorum: "\ttwo_node: 1\n",
		Links: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")},
		Files: []lab.File{{Path: "/etc/haproxy/haproxy.cfg", Data: []byte(shop), Mode: 0o600}},
	})}
	p.Must(p.Ready(p.Ctx))
	for _, name := range []string{"s1", "s3"} {
		p.Sh(name, "mkdir -p /www && hostname > /www/index.html && busybox httpd -p 80 -h /www && busybox httpd -p 81 -h /www")
	}
	proxy, balancer := `<primitive id="proxy" class="ocf" provider="holdfast" type="proxy"><operations><op id="proxy-m" name="monitor" interval="10s"/></operations></primitive>`, "proxy"
	if clone {
		proxy, balancer = `<clone id="proxies">`+proxy+`</clone>`, "proxies"
	}
	p.Must(p.Load(p.Ctx, "p1", `<configuration><crm_config/><nodes/><resources><primitive id="fence" class="stonith" type="fence_lab"/>
<primitive id="address" class="ocf" provider="holdfast" type="ip"><instance_attributes id="address-p"><nvpair id="address-ip" name="ip" value="10.77.0.99"/></instance_attributes>
<operations><op id="address-m" name="monitor" interval="10s"/></operations></primitive>`+proxy+`</resources><constraints>
<rsc_colocation id="together" rsc="address" with-rsc="`+balancer+`" score="INFINITY"/><rsc_order id="first" first="`+balancer+`" then="address"/></constraints>
<rsc_defaults><meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/></meta_attributes></rsc_defaults></configuration>`))
	return p
}

// ask gives the proxy on a host a line; an answer that did not come is told as such.
func (p pair) ask(host, line string) string {
	p.Helper()
	conn, err := p.Host(host).Dial(p.Ctx, "unix", "/run/haproxy.sock")
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// server is a server's line of the statistics on a host: its status, its weight, and how many requests it got.
func (p pair) server(host, name string) (status, weight, requests string) {
	p.Helper()
	for line := range strings.Lines(p.ask(host, "show stat")) {
		if fields := strings.Split(line, ","); len(fields) > 20 && fields[0] == "shop" && fields[1] == name {
			return fields[17], fields[18], fields[7]
		}
	}
	return "", "", ""
}

// shows waits until the proxy on a host shows a server in a state and with a weight.
func (p pair) shows(host, name, status, weight string) {
	p.Helper()
	p.Until(func() error {
		if s, w, _ := p.server(host, name); s != status || w != weight {
			return fmt.Errorf("on %s %s is %q with weight %q, not %q with %q", host, name, s, w, status, weight)
		}
		return nil
	})
}

// spread waits until a host has what another one published, and that has a line of a server that begins with its name and these fields.
func (p pair) spread(host, from, line string) {
	p.Helper()
	p.Until(func() error {
		known, err := p.Client(host).Attributes(p.Ctx, "proxy-states-proxy@"+from, host)
		if err != nil || len(known) != 1 {
			return fmt.Errorf("%s has %v of %s: %w", host, known, from, err)
		}
		packed, err := base64.StdEncoding.DecodeString(known[0].Value)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
		if err == nil && !regexp.MustCompile(line).Match(text) {
			err = fmt.Errorf("%s has of %s:\n%s", host, from, text)
		}
		return err
	})
}

// reload has the proxy on a host read its configuration again, and waits until the next process answers.
func (p pair) reload(host string) {
	p.Helper()
	process := regexp.MustCompile(`(?m)^Pid: \d+$`)
	before := process.FindString(p.ask(host, "show info"))
	p.Sh(host, "kill -USR2 $(cat $(ls /run/resource-agents/holdfast-proxy-*.pid | grep -v keeper))")
	p.Until(func() error {
		if now := process.FindString(p.ask(host, "show info")); now == "" || now == before {
			return fmt.Errorf("%s still has %q", host, now)
		}
		return nil
	})
}

// TestProxyThatTakesOverKnowsTheServers: when the host of the proxy dies without a word, the one that is started elsewhere, or that runs there already,
// begins with what was known. No request goes to the server that is dead nor to the one that an operator drains, after a reload either.
func TestProxyThatTakesOverKnowsTheServers(t *testing.T) {
	t.Parallel()
	for name, clone := range map[string]bool{"started": false, "standing by": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			takesOver(t, clone)
		})
	}
}

func takesOver(t *testing.T, clone bool) {
	p := newPair(t, clone)
	at := p.Runs("address")
	poll, err := p.Lab.Client().Poll("10.77.0.99:80", 20*time.Millisecond)
	p.Must(err)
	t.Cleanup(poll.Stop)
	_, err = poll.Await(p.Ctx, 0, lab.AnsweredBy("s3"))
	p.Must(err)
	p.shows(at, "two", "DOWN", "1")
	p.ask(at, "set server shop/three state drain; set weight shop/one 7; set server shop/four state ready")
	p.shows(at, "three", "DRAIN", "1")
	next := p.Others(at, "s1", "s2", "s3")[0]
	p.spread(next, at, ` shop \d three \S+ 2 8 `)
	if clone {
		p.shows(next, "three", "DRAIN", "1")
		p.shows(next, "one", "UP", "7")
		p.shows(next, "four", "UP", "10")
	}

	killed, err := p.Host(at).Kill()
	p.Must(err)
	_, err = poll.Await(p.Ctx, killed, lab.AnsweredBy("s1"))
	p.Must(err)
	p.Runs("address", at)
	for name, want := range map[string]string{"two": "DOWN", "three": "DRAIN"} {
		if status, _, requests := p.server(next, name); status != want || requests != "0" {
			t.Errorf("%s is %s and has had %s requests: want %s and none", name, status, requests, want)
		}
	}
	p.shows(next, "one", "UP", "7")
	p.shows(next, "four", "UP", "10") // when its checks have passed, here or there
	if told := p.ask(next, "show events told"); !clone && strings.Contains(told, "two is DOWN") {
		t.Errorf("the proxy that was started had to find the dead server by itself:\n%s", told)
	}
	p.reload(next)
	p.shows(next, "three", "DRAIN", "1")
	p.shows(next, "one", "UP", "7")
	p.ask(next, "set server shop/three state ready")
	_, err = poll.Await(p.Ctx, lab.Now(), lab.AnsweredBy("s3"))
	p.Must(err)
}
