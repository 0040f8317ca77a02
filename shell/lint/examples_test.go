package lint

import "slices"

// pairOf is what one check finds wrong and what it finds right.
type pairOf struct{ check, wrong, right string }

func examples() []pairOf {
	return slices.Concat(optionExamples(), resourceExamples(), operationExamples(), relationExamples(), fencingExamples(), otherExamples())
}

func optionExamples() []pairOf {
	plain := prim("p", "Plain", "")
	return []pairOf{
		{"fencing-off", opt("stonith-enabled", "false"), opt("stonith-enabled", "true")},
		{"quorum-ignored", opt("no-quorum-policy", "ignore"), opt("no-quorum-policy", "stop")},
		{"unknown-option", opt("stonith-enable", "true"), opt("stonith-enabled", "true")},
		{"bad-option-value", opt("maintenance-mode", "maybe"), opt("maintenance-mode", "off")},
		{"option-twice", opt("batch-limit", "1") + `<nvpair id="again" name="batch-limit" value="2"/>`, opt("batch-limit", "1")},
		{"maintenance-mode", opt("maintenance-mode", "true"), opt("maintenance-mode", "false")},
		{"stop-all-resources", opt("stop-all-resources", "true"), opt("stop-all-resources", "false")},
		{"remove-after-stop", opt("remove-after-stop", "true"), ""},
		{"startup-fencing-off", opt("startup-fencing", "false"), opt("startup-fencing", "true")},
		{"opt-in-nowhere", opt("symmetric-cluster", "false") + plain, opt("symmetric-cluster", "false") + plain + `<rsc_location id="l" rsc="p" node="a" score="10"/>`},
		{"suicide-without-fencing", opt("no-quorum-policy", "suicide") + opt("stonith-enabled", "false"), opt("no-quorum-policy", "suicide")},
		{"acl-off", `<acls><acl_role id="r"/></acls>`, opt("enable-acl", "true") + `<acls><acl_role id="r"/></acls>`},
	}
}

func resourceExamples() []pairOf {
	plain := prim("p", "Plain", "")
	wrapped := func(inner, m string) string { return `<clone id="c">` + meta("c", m) + inner + `</clone>` }
	return []pairOf{
		{"unknown-agent", prim("p", "Nowhere", ""), plain},
		{"unknown-parameter", prim("p", "IPaddr2", "ip=192.0.2.1 nick=eth0"), prim("p", "IPaddr2", "ip=192.0.2.1 nic=eth0")},
		{"missing-parameter", prim("p", "IPaddr2", "nic=eth0"), prim("p", "IPaddr2", "ip=192.0.2.1")},
		{"unknown-meta", wrapped(plain, "interleaved=true"), wrapped(plain, "interleave=true")},
		{"bad-meta-value", prim("p", "Plain", "", meta("p", "migration-threshold=often")), prim("p", "Plain", "", meta("p", "migration-threshold=3"))},
		{"empty-value", prim("p", "Plain", "path="), prim("p", "Plain", "path=/x")},
		{"unmanaged", prim("p", "Plain", "", meta("p", "is-managed=false")), prim("p", "Plain", "", meta("p", "is-managed=true"))},
		{"disabled", prim("p", "Plain", "", meta("p", "target-role=Stopped")), prim("p", "Plain", "", meta("p", "target-role=Started"))},
		{"promoted-target-role", prim("p", "Plain", "", meta("p", "target-role=Promoted")), wrapped(prim("p", "drbd", ""), "promotable=true target-role=Promoted")},
		{"no-stickiness", hosts + plain, hosts + plain + `<rsc_defaults>` + meta("d", "resource-stickiness=100") + `</rsc_defaults>`},
		{"failures-never-expire", prim("p", "Plain", "", meta("p", "migration-threshold=3")), prim("p", "Plain", "", meta("p", "migration-threshold=3 failure-timeout=10min"))},
		{"requires-nothing", prim("p", "Plain", "", meta("p", "requires=nothing")), prim("p", "Plain", "", meta("p", "requires=quorum"))},
		{"secret-in-clear", prim("p", "Plain", "password=x"), prim("p", "Plain", "path=x")},
		{"same-value", prim("p", "IPaddr2", "ip=192.0.2.1") + prim("q", "IPaddr2", "ip=192.0.2.1"), prim("p", "IPaddr2", "ip=192.0.2.1") + prim("q", "IPaddr2", "ip=192.0.2.2")},
		{"group-of-one", `<group id="g">` + plain + `</group>`, `<group id="g">` + plain + prim("q", "Plain", "") + `</group>`},
		{"empty-group", `<group id="g"/>`, `<group id="g">` + plain + `</group>`},
		{"several-on-one-host", wrapped(plain, "clone-node-max=2"), wrapped(plain, "clone-node-max=2 globally-unique=true")},
		{"not-promotable", wrapped(plain, "promotable=true"), wrapped(prim("d", "drbd", ""), "promotable=true")},
		{"promoted-options-idle", wrapped(plain, "promoted-max=1"), wrapped(prim("d", "drbd", ""), "promotable=true promoted-max=1")},
		{"fence-device-cloned", wrapped(prim("f", "fence_t", ""), "interleave=true"), prim("f", "fence_t", "")},
		{"old-promotable", `<master id="m">` + prim("d", "drbd", "") + `</master>`, wrapped(prim("d", "drbd", ""), "promotable=true")},
		{"clone-max-zero", wrapped(plain, "clone-max=0"), wrapped(plain, "clone-max=2")},
	}
}

func operationExamples() []pairOf {
	plain := prim("p", "Plain", "")
	with := func(kind string, attrs ...string) string { return prim("p", kind, "", ops("p", attrs...)) }
	const every30 = `name="monitor" interval="30s" timeout="30s"`
	promotable := func(inner string) string { return `<clone id="c">` + meta("c", "promotable=true") + inner + `</clone>` }
	return []pairOf{
		{"monitor-missing", with("Plain", `name="start" interval="0" timeout="20s"`), plain},
		{"promoted-monitor-missing", promotable(with("drbd", every30)), promotable(with("drbd", every30, `name="monitor" interval="31s" role="Promoted"`))},
		{"same-interval", with("Plain", every30, `name="monitor" interval="30s" role="Started"`), with("Plain", every30, `name="monitor" interval="31s"`)},
		{"monitor-too-often", with("Plain", `name="monitor" interval="500ms"`), plain},
		{"timeout-short", with("Slow", every30, `name="start" interval="0" timeout="20s"`), with("Slow", every30, `name="start" interval="0" timeout="300s"`)},
		{"bad-time", with("Plain", `name="monitor" interval="half an hour"`), plain},
		{"unknown-operation", with("Plain", every30, `name="monitr" interval="30s"`), plain},
		{"failure-ignored", with("Plain", every30+` on-fail="ignore"`), plain},
		{"stop-failure-not-fenced", with("Plain", every30, `name="stop" interval="0" on-fail="block"`), with("Plain", every30, `name="stop" interval="0" on-fail="fence"`)},
		{"monitor-disabled", with("Plain", every30+` enabled="false"`), plain},
		{"interval-on-start", with("Plain", every30, `name="start" interval="30s"`), with("Plain", every30, `name="start" interval="0s"`)},
	}
}

func relationExamples() []pairOf {
	two := prim("p", "Plain", "") + prim("q", "Plain", "")
	group := `<group id="g">` + two + `</group>`
	disk := prim("fs", "Filesystem", "device=/dev/vg/web directory=/srv/web fstype=ext4")
	web := prim("web", "Plain", "path=/srv/web/etc")
	drbd := `<clone id="c">` + meta("c", "promotable=true") + prim("d", "drbd", "drbd_resource=r0") + `</clone>`
	mount := prim("fs", "Filesystem", "device=/dev/drbd0 directory=/srv/web fstype=ext4")
	clones := `<clone id="c1">` + prim("p", "Plain", "") + `</clone><clone id="c2">`
	colocation := func(id, a, b, score string) string {
		return `<rsc_colocation id="` + id + `" rsc="` + a + `" with-rsc="` + b + `" score="` + score + `"/>`
	}
	order := func(id, a, b string) string { return `<rsc_order id="` + id + `" first="` + a + `" then="` + b + `"/>` }
	location := func(id, rsc, node, score string) string {
		return `<rsc_location id="` + id + `" rsc="` + rsc + `" node="` + node + `" score="` + score + `"/>`
	}
	return []pairOf{
		{"interleave-missing", clones + prim("q", "Plain", "") + `</clone>` + order("o", "c1", "c2"), clones + meta("c2", "interleave=true") + prim("q", "Plain", "") + `</clone>` + order("o", "c1", "c2")},
		{"unordered-filesystem", disk + web + colocation("c", "web", "fs", "INFINITY"), disk + web + order("o", "fs", "web")},
		{"apart-from-filesystem", disk + web + order("o", "fs", "web"), `<group id="g">` + disk + web + `</group>`},
		{"filesystem-before-promotion", drbd + mount, drbd + mount + `<rsc_order id="o" first="c" first-action="promote" then="fs" then-action="start"/>`},
		{"local-filesystem-cloned", `<clone id="c">` + disk + `</clone>`, disk},
		{"address-apart", prim("ip", "IPaddr2", "ip=192.0.2.1") + web, prim("ip", "IPaddr2", "ip=192.0.2.1") + web + colocation("c", "ip", "web", "INFINITY")},
		{"unknown-resource", two + order("o", "p", "qq"), two + order("o", "p", "q")},
		{"unknown-node", hosts + two + location("l", "p", "aa", "10"), hosts + two + location("l", "p", "a", "10")},
		{"leftover-move", two + location("cli-prefer-p", "p", "a", "INFINITY"), two + location("prefer-p", "p", "a", "INFINITY")},
		{"bad-score", two + location("l", "p", "a", "much"), two + location("l", "p", "a", "-INFINITY")},
		{"constraint-twice", two + order("o1", "p", "q") + order("o2", "p", "q"), two + order("o1", "p", "q")},
		{"expired-rule", two + `<rsc_location id="l" rsc="p"><rule id="r" score="1"><date_expression id="e" operation="lt" end="2019-01-01"/></rule></rsc_location>`,
			two + `<rsc_location id="l" rsc="p"><rule id="r" score="1"><date_expression id="e" operation="gt" start="2019-01-01"/></rule></rsc_location>`},
		{"role-without-promotion", two + `<rsc_colocation id="c" rsc="p" with-rsc="q" with-rsc-role="Promoted"/>`, drbd + mount + `<rsc_colocation id="k" rsc="fs" with-rsc="c" with-rsc-role="Promoted"/>`},
		{"member-of-group-moved", group + location("l", "q", "a", "10"), group + location("l", "g", "a", "10")},
		{"order-against-group", group + order("o", "q", "p"), group + order("o", "p", "q")},
		{"location-contradicts", hosts + two + location("l1", "p", "a", "INFINITY") + location("l2", "p", "a", "-INFINITY"), hosts + two + location("l1", "p", "a", "INFINITY") + location("l2", "p", "b", "-INFINITY")},
		{"nowhere", hosts + two + location("l1", "p", "a", "-INFINITY") + location("l2", "p", "b", "-INFINITY"), hosts + two + location("l1", "p", "a", "-INFINITY")},
		{"colocation-contradicts", two + colocation("c1", "p", "q", "INFINITY") + colocation("c2", "q", "p", "-INFINITY"), two + colocation("c1", "p", "q", "INFINITY")},
		{"apart-in-group", group + colocation("c", "p", "q", "-INFINITY"), two + colocation("c", "p", "q", "-INFINITY")},
		{"order-loop", two + order("o1", "p", "q") + order("o2", "q", "p"), two + order("o1", "p", "q")},
		{"colocation-loop", two + colocation("c1", "p", "q", "100") + colocation("c2", "q", "p", "100"), two + colocation("c1", "p", "q", "100")},
		{"banned-apart", hosts + two + colocation("c", "p", "q", "INFINITY") + location("l1", "p", "a", "-INFINITY") + location("l2", "q", "b", "-INFINITY"),
			hosts + two + colocation("c", "p", "q", "INFINITY") + location("l1", "p", "a", "-INFINITY")},
		{"order-without-colocation", two + order("o", "p", "q"), two + order("o", "p", "q") + colocation("c", "q", "p", "INFINITY")},
	}
}

func fencingExamples() []pairOf {
	plain := prim("p", "Plain", "")
	fa, fb := prim("fa", "fence_t", "ip=1 pcmk_host_list=a"), prim("fb", "fence_t", "ip=2 pcmk_host_list=b")
	delayed := prim("fb", "fence_t", "ip=2 pcmk_host_list=b pcmk_delay_base=5s")
	return []pairOf{
		{"no-fence-device", plain, plain + fa},
		{"fence-on-own-target", hosts + fa, hosts + fa + `<rsc_location id="l" rsc="fa" node="a" score="-INFINITY"/>`},
		{"host-not-fenced", hosts + fa, hosts + fa + fb},
		{"fence-target-unknown", hosts + prim("f", "fence_t", "ip=1 pcmk_host_map=a:1;c:2"), hosts + prim("f", "fence_t", "ip=1 pcmk_host_map=a:1;b:2")},
		{"fence-race", hosts + fa + fb, hosts + fa + delayed},
		{"fence-level-unknown", fa + `<fencing-topology><fencing-level id="v" target="a" index="1" devices="fa,fc"/></fencing-topology>`, fa + `<fencing-topology><fencing-level id="v" target="a" index="1" devices="fa"/></fencing-topology>`},
		{"fence-for-tests", prim("f", "null", ""), fa},
		{"fence-timeout-short", prim("f", "fence_t", "ip=1 power_timeout=90"), prim("f", "fence_t", "ip=1 power_timeout=90") + opt("stonith-timeout", "120s")},
		{"fence-device-disabled", prim("f", "fence_t", "ip=1", meta("f", "target-role=Stopped")), fa},
		{"fence-action-set", prim("f", "fence_t", "ip=1 action=off"), fa},
	}
}

func otherExamples() []pairOf {
	plain := prim("p", "Plain", "")
	return []pairOf{
		{"invalid-document", `<node id="1" uname="a"/><node id="1" uname="b"/>`, hosts},
		{"node-standby", `<node id="1" uname="a">` + set("instance_attributes", "n", "standby=on") + `</node>`, hosts},
		{"node-maintenance", `<node id="1" uname="a">` + set("instance_attributes", "n", "maintenance=true") + `</node>`, hosts},
		{"tag-of-nothing", plain + `<tags><tag id="t"><obj_ref id="q"/></tag></tags>`, plain + `<tags><tag id="t"><obj_ref id="p"/></tag></tags>`},
		{"alert-path", `<alerts><alert id="w" path="page.sh"/></alerts>`, `<alerts><alert id="w" path="/usr/local/bin/page.sh"/></alerts>`},
		{"template-unknown", `<primitive id="p" template="t"/>`, `<template id="t" class="ocf" provider="t" type="Plain"/><primitive id="p" template="t"/>`},
		{"template-unused", `<template id="t" class="ocf" provider="t" type="Plain"/>`, `<template id="t" class="ocf" provider="t" type="Plain"/><primitive id="p" template="t"/>`},
		{"old-schema", `<schema id="pacemaker-1.2"/>`, `<schema id="pacemaker-3.9"/>`},
		{"one-host", `<node id="1" uname="a"/>` + plain, hosts + plain},
	}
}
