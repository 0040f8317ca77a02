package fencing

import (
	"testing"
	"time"

	"holdfast/cluster/cib"
)

func TestDeviceParameters(t *testing.T) {
	t.Parallel()
	d := Devices(document(t, "d fence_full pcmk_host_map=n1:1;n2=2 pcmk_action_limit=-1 pcmk_off_timeout=90 pcmk_off_retries=0 ip=192.0.2.1 password=x", ""), describe)[0]
	if d.atOnce() != 0 || d.retries("off") != defaultRetries || d.limit("off", time.Second) != 90*time.Second || d.limit("on", time.Second) != time.Second {
		t.Errorf("at once %d, retries %d, limits %s, %s", d.atOnce(), d.retries("off"), d.limit("off", time.Second), d.limit("on", time.Second))
	}
	params := d.params("n2")
	if len(params) != 4 || params["port"] != "2" || params["nodename"] != "n2" || params["ip"] != "192.0.2.1" {
		t.Errorf("the agent gets %v", params)
	}
}

func FuzzDevices(f *testing.F) {
	f.Add("n1:1;n2:2", "n3 n4", "n1:3s;n2:4s", "10s")
	f.Add("::;;=", ",,", ":", "-1")
	f.Fuzz(func(t *testing.T, hostMap, list, base, most string) {
		doc := cib.New()
		e := doc.EnsureSection("resources").Append(cib.NewElement("primitive", "id", "d", "class", "stonith", "type", "fence_full"))
		set := e.Append(cib.NewElement("instance_attributes", "id", "s"))
		for name, value := range map[string]string{"pcmk_host_map": hostMap, "pcmk_host_list": list, "pcmk_delay_base": base, "pcmk_delay_max": most} {
			set.Append(cib.NewElement("nvpair", "id", name, "name", name, "value", value))
		}
		d := Devices(doc, describe)[0]
		if delay := d.delay("n1", 0.99); delay < 0 {
			t.Errorf("delay %s", delay)
		}
		for host := range d.hosts {
			if d.covers(host) != yes {
				t.Errorf("host %q is listed, and not covered", host)
			}
		}
	})
}
