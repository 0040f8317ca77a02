package config

import (
	"strings"
	"testing"

	"holdfast/golden"
	"holdfast/traffic/keepalived"
)

func compile(text string) (*Config, error) {
	tree, err := keepalived.Read(keepalived.Texts{"keepalived.conf": text}, "keepalived.conf", "host")
	if err != nil {
		return nil, err
	}
	return Compile(tree)
}

// TestGolden compiles each testdata/*.txt: the operator's text, a line of dashes, the model as JSON or the error.
func TestGolden(t *testing.T) {
	t.Parallel()
	golden.Models(t, func(text string) (any, error) { return compile(text) })
}

const minimal = "vrrp_instance a {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1\n }\n%\n}\n"

// TestWrongLines puts one wrong line into a minimal instance; the error names file, line and word.
func TestWrongLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"prioritty 100":                               `keepalived.conf:7: "prioritty" is not known here; did you mean "priority"?`,
		"priority 256":                                `keepalived.conf:7: priority: "256": want a number from 1 to 255`,
		"priority":                                    `keepalived.conf:7: priority: want a number, got ""`,
		"virtual_router_id 0":                         `keepalived.conf:7: virtual_router_id: "0": want a number from 1 to 255`,
		"advert_int soon":                             `keepalived.conf:7: advert_int: "soon": want seconds from 0.01 to 255`,
		"advert_int NaN":                              `keepalived.conf:7: advert_int: "NaN": want seconds from 0.01 to 255`,
		"state PRIMARY":                               `keepalived.conf:7: state: "PRIMARY": want MASTER or BACKUP`,
		"virtual_ipaddress { 10.0.0.999 }":            `keepalived.conf:7: 10.0.0.999: "10.0.0.999": want an IPv4 or IPv6 address`,
		"virtual_ipaddress { 10.0.0.9/40 }":           `keepalived.conf:7: 10.0.0.9/40: "10.0.0.9/40": want an address, a slash and the length of its network`,
		"virtual_ipaddress { 10.0.0.9 device eth1 }":  `keepalived.conf:7: "device" after address 10.0.0.9 is not known`,
		"virtual_ipaddress { 10.0.0.9 dev }":          `keepalived.conf:7: 10.0.0.9: dev: a value has to follow`,
		"virtual_ipaddress { 10.0.0.9\n fe80::1 }":    `virtual_ipaddress has IPv4 and IPv6 addresses`,
		"authentication { auth_type MD5 }":            `keepalived.conf:7: auth_type: "MD5": want PASS, AH, or HMAC, which only Holdfast knows`,
		"authentication { auth_type AH }":             `auth_type AH needs an auth_pass`,
		"authentication { auth_pass two words }":      `keepalived.conf:7: auth_pass: want one password`,
		"track_script { gone }":                       `keepalived.conf:7: it tracks "gone", but there is no vrrp_script of that name`,
		"track_interface { eth1 weight 300 }":         `weight "300": want a number from -254 to 254`,
		"track_interface { eth1 heavy }":              `"heavy" after eth1 is not known; accepted is: weight N [reverse]`,
		"unicast_peer { fe80::1 }":                    `fe80::1 is not of the family of its virtual addresses`,
		"notify_master \"/bin/x 'y\"":                 `a quote is not closed`,
		"virtual_routes { 10.9.0.0/16 through eth0 }": `"through" in a route is not known`,
		"virtual_routes { via 10.0.0.9 }":             `where it leads to is missing`,
		"virtual_rules { near 10.0.0.0/8 }":           `"near" in a rule is not known`,
		"use_vmac a-name-that-is-too-long":            `an interface's name has at most 15 characters`,
		"}\nvrrp_instance a {\n interface eth0\n virtual_router_id 2\n virtual_ipaddress { 10.0.0.2 }": `there is another vrrp_instance "a" at keepalived.conf:1`,
		"}\nvrrp_instance b {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress { 10.0.0.2 }": `there is another virtual router on interface "eth0 IPv6=false id 1" at keepalived.conf:1`,
		"}\nvrrp_sync_group g {\n group { a b }":                                                       `there is no vrrp_instance "b"`,
		"}\nvrrp_instence b {":                                                                         `"vrrp_instence" is not known here; did you mean "vrrp_instance"?`,
		"}\nvrrp_script s {\n interval 2":                                                              `vrrp_script: s has no script`,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			_, err := compile(strings.Replace(minimal, "%", line, 1))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func FuzzCompile(f *testing.F) {
	for _, input := range golden.Inputs(f, "testdata/*.txt", golden.Separator) {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		c, err := compile(input)
		if err != nil {
			return
		}
		for _, i := range c.Instances {
			if i.Router.ID == 0 || i.Router.Priority == 0 || len(i.Router.Addresses) == 0 {
				t.Errorf("accepted, and cannot run: %+v", i)
			}
		}
	})
}
