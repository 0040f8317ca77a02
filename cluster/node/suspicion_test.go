package node

import (
	"maps"
	"net/netip"
	"testing"

	"holdfast/cluster/cib"
)

func TestFloatingAddressesOfADocument(t *testing.T) {
	t.Parallel()
	doc, err := cib.Parse("test", []byte(`<cib><configuration><crm_config/><nodes/><resources>
<template id="vip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="v"><nvpair id="v-m" name="cidr_netmask" value="24"/></instance_attributes></template>
<group id="g"><primitive id="one" template="vip"><instance_attributes id="o"><nvpair id="o-i" name="ip" value="192.0.2.1"/></instance_attributes></primitive></group>
<primitive id="two" class="ocf" provider="holdfast" type="address"><instance_attributes id="w"><nvpair id="w-i" name="ip" value="192.0.2.2"/></instance_attributes></primitive>
<primitive id="three" class="ocf" provider="holdfast" type="ip"><instance_attributes id="x"><nvpair id="x-i" name="ip" value="192.0.2.3"/></instance_attributes></primitive>
<bundle id="box"><network ip-range-start="192.0.2.20"/></bundle>
<primitive id="six" class="ocf" provider="heartbeat" type="IPv6addr"><instance_attributes id="s"><nvpair id="s-i" name="ipv6addr" value="2001:db8::1/64"/></instance_attributes></primitive>
<primitive id="bmc" class="stonith" type="fence_ipmilan"><instance_attributes id="b"><nvpair id="b-i" name="ip" value="192.0.2.9"/></instance_attributes></primitive>
<primitive id="odd" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="d"><nvpair id="d-i" name="ip" value="no address"/></instance_attributes></primitive>
</resources><constraints/></configuration><status><node_state id="1"><lrm id="1"><lrm_resources>
<lrm_resource id="box-ip-192.0.2.21" type="IPaddr2" class="ocf" provider="heartbeat"/><lrm_resource id="box-podman-0" type="podman" class="ocf" provider="heartbeat"/>
</lrm_resources></lrm></node_state></status></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[netip.Addr]string{
		netip.MustParseAddr("192.0.2.1"): "one", netip.MustParseAddr("192.0.2.2"): "two", netip.MustParseAddr("2001:db8::1"): "six",
		netip.MustParseAddr("192.0.2.3"): "three", netip.MustParseAddr("192.0.2.21"): "box-ip-192.0.2.21",
	}
	if got := floatingAddresses(doc); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
