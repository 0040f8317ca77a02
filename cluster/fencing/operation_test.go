package fencing

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/golden"
)

// agents describe themselves as: full can do everything, plain neither reboot nor list, disk as fence_scsi.
func describe(agent string) *metadata.Agent {
	a := &metadata.Agent{Name: agent, Params: []metadata.Parameter{{Name: "port"}}}
	names := []string{"on", "off", "status", "monitor", "list", "reboot"}
	if agent == "fence_plain" {
		names = names[:2]
	}
	for _, name := range names {
		disk := agent == "fence_disk" && name == "on"
		a.Actions = append(a.Actions, metadata.Action{Name: name, OnTarget: disk, Automatic: disk})
	}
	return a
}

func document(t *testing.T, resources, rest string) *cib.Document {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(resources) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		fmt.Fprintf(&b, `<primitive id="%s" class="stonith" type="%s"><instance_attributes id="%s-a">`, fields[0], fields[1], fields[0])
		for _, pair := range fields[2:] {
			name, value, _ := strings.Cut(pair, "=")
			fmt.Fprintf(&b, `<nvpair id="%s-%s" name="%s" value="%s"/>`, fields[0], name, name, value)
		}
		b.WriteString("</instance_attributes></primitive>")
	}
	doc, err := cib.Parse("test", []byte("<cib><configuration><resources>"+b.String()+"</resources>"+rest+"</configuration></cib>"))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// play runs an operation against devices whose answers are given as "device action": codes, in order;
// what is not given succeeds. It returns what happened, a line for each call.
func play(t *testing.T, doc *cib.Document, request Request, answers map[string][]string) string {
	t.Helper()
	if request.Limit == 0 {
		request.Limit = time.Minute
	}
	if request.Hosts == nil {
		request.Hosts = []string{"n1", "n2", "n3"}
	}
	o := NewOperation(request, Devices(doc, describe), Levels(doc, request.Target), func() float64 { return 0.5 })
	var log strings.Builder
	queue := o.Start()
	for len(queue) > 0 {
		call := queue[0]
		queue = queue[1:]
		fmt.Fprintf(&log, "%s: %s %s port=%s", call.Host, call.Device, call.Action, call.Params["port"])
		if call.Delay > 0 {
			fmt.Fprintf(&log, " after %s", call.Delay)
		}
		if call.Timeout != time.Minute {
			fmt.Fprintf(&log, " within %s", call.Timeout)
		}
		answer := Answer{ID: call.ID}
		key := call.Device + " " + call.Action
		if given := answers[key]; len(given) > 0 {
			answers[key] = given[1:]
			if text, ok := strings.CutPrefix(given[0], "list:"); ok {
				answer.Output = text
			} else if given[0] == "hang" {
				answer.Failed, answer.Reason = true, key+" did not end"
			} else {
				fmt.Sscan(given[0], &answer.Code)
			}
			fmt.Fprintf(&log, " -> %s", given[0])
		}
		log.WriteByte('\n')
		queue = append(queue, o.Answered(answer)...)
	}
	if end := o.End(); end.Success {
		fmt.Fprintf(&log, "fenced by %s\n", end.Device)
	} else {
		fmt.Fprintf(&log, "failed: %s\n", end.Reason)
	}
	return log.String()
}

func TestOperations(t *testing.T) {
	t.Parallel()
	const levels = `<fencing-topology>
		<fencing-level id="l2" target="n2" index="2" devices="backup"/>
		<fencing-level id="l1" target="n2" index="1" devices="psu1,psu2"/>
		<fencing-level id="l3" target-pattern="n[23]" index="1" devices="backup"/>
		<fencing-level id="l4" target-attribute="rack" target-value="r1" index="1" devices="psu1"/>
		<fencing-level id="l5" target="n5" index="1" devices="absent"/></fencing-topology>
		<nodes><node id="4" uname="n4"><instance_attributes id="a"><nvpair id="r" name="rack" value="r1"/></instance_attributes></node></nodes>`
	const powers = "psu1 fence_full pcmk_host_map=n2:7;n4:9\npsu2 fence_full pcmk_host_map=n2:8\nbackup fence_full pcmk_host_list=n2,n3"
	for _, c := range []struct {
		name, devices, rest string
		request             Request
		answers             map[string][]string
	}{
		{"listed host", "d fence_full pcmk_host_list=n2,n3", "", Request{Target: "n2", Action: "off"}, nil},
		{"mapped host", "d fence_full pcmk_host_map=n2:7;n3:8", "", Request{Target: "n3", Action: "reboot"}, nil},
		{"host of nobody", "d fence_full pcmk_host_list=n1", "", Request{Target: "n2", Action: "off"}, nil},
		{"agent lists its hosts", "d fence_full\ne fence_full", "", Request{Target: "n2", Action: "off"}, map[string][]string{"d list": {"list:x,n7\n"}, "e list": {"list:7,n2\n8,n3\n"}}},
		{"agent says by status", "d fence_full pcmk_host_check=status", "", Request{Target: "n2", Action: "off"}, map[string][]string{"d status": {"2"}}},
		{"agent fences anything", "d fence_full pcmk_host_check=none", "", Request{Target: "n2", Action: "off"}, nil},
		{"retried", "d fence_full pcmk_host_list=n2 pcmk_off_retries=3", "", Request{Target: "n2", Action: "off"}, map[string][]string{"d off": {"1", "1"}}},
		{"other host tries", "d fence_full pcmk_host_list=n2 pcmk_off_retries=1", "", Request{Target: "n2", Action: "off"}, map[string][]string{"d off": {"1"}}},
		{"all hosts fail", "d fence_full pcmk_host_list=n2", "", Request{Target: "n2", Action: "off", Hosts: []string{"n1"}}, map[string][]string{"d off": {"hang"}}},
		{"next device", "a fence_full pcmk_host_list=n2 priority=1\nb fence_full pcmk_host_list=n2 priority=5", "", Request{Target: "n2", Action: "off", Hosts: []string{"n1"}}, map[string][]string{"b off": {"hang"}}},
		{"reboot without reboot", "d fence_plain pcmk_host_list=n2", "", Request{Target: "n2", Action: "reboot"}, map[string][]string{"d on": {"1", "1", "1", "1", "1", "1"}}},
		{"reboot renamed", "d fence_plain pcmk_host_list=n2 pcmk_reboot_action=cycle pcmk_reboot_timeout=5s", "", Request{Target: "n2", Action: "reboot"}, nil},
		{"two power supplies", powers, levels, Request{Target: "n2", Action: "reboot"}, nil},
		{"second level", powers, levels, Request{Target: "n2", Action: "reboot", Hosts: []string{"n1"}}, map[string][]string{"psu2 off": {"hang"}}},
		{"level by pattern", powers, levels, Request{Target: "n3", Action: "reboot"}, nil},
		{"level by attribute", powers, levels, Request{Target: "n4", Action: "off"}, nil},
		{"level of an absent device", powers, levels, Request{Target: "n5", Action: "off"}, nil},
		{"delays", "d fence_full pcmk_host_list=n2 pcmk_delay_base=2s pcmk_delay_max=6s", "", Request{Target: "n2", Action: "off", Delay: 10 * time.Second}, nil},
		{"delay of one host", "d fence_full pcmk_host_list=n2 pcmk_delay_base=n1:1s;n2:3s", "", Request{Target: "n2", Action: "off"}, nil},
		{"delays refused", "d fence_full pcmk_host_list=n2 pcmk_delay_base=2s", "", Request{Target: "n2", Action: "off", Delay: -1}, nil},
		{"unfenced by all disks on the host itself", "a fence_disk pcmk_host_list=n2\nb fence_disk pcmk_host_check=none\nc fence_full pcmk_host_list=n2", "", Request{Target: "n2", Action: "on"}, nil},
		{"switched on by the first device", "a fence_full pcmk_host_list=n2\nb fence_full pcmk_host_list=n2", "", Request{Target: "n2", Action: "on"}, nil},
		{"lost host cannot unfence itself", "a fence_disk pcmk_host_list=n2", "", Request{Target: "n2", Action: "on", Hosts: []string{"n1"}}, nil},
		{"own fencing is the last way", "d fence_full pcmk_host_list=n1", "", Request{Target: "n1", Action: "off"}, nil},
		{"alone", "d fence_full pcmk_host_list=n1", "", Request{Target: "n1", Action: "off", Hosts: []string{"n1"}}, nil},
		{"banned", "d fence_full pcmk_host_list=n2", `<constraints><rsc_location id="l" rsc="d" node="n1" score="-INFINITY"/></constraints>`, Request{Target: "n2", Action: "off"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := play(t, document(t, c.devices, c.rest), c.request, c.answers)
			golden.Compare(t, filepath.Join("testdata", strings.ReplaceAll(c.name, " ", "-")+".txt"), fmt.Sprintf("%s %s\n%s", c.request.Action, c.request.Target, got))
		})
	}
}

func TestConfirmEndsAnOperation(t *testing.T) {
	t.Parallel()
	o := NewOperation(Request{Target: "n2", Action: "off", Hosts: []string{"n1"}}, Devices(document(t, "d fence_full pcmk_host_list=n2", ""), describe), nil, func() float64 { return 0 })
	calls := o.Start()
	o.Confirm()
	if next := o.Answered(Answer{ID: calls[0].ID, Code: 1}); len(next) != 0 || !o.End().Success || o.End().Device != "manual" {
		t.Errorf("after confirmation: calls %v, end %+v", next, o.End())
	}
}

// Who only lost its disks or network, or whose watchdog was waited for, may live on.
func TestWhatEndsTheDaemon(t *testing.T) {
	t.Parallel()
	for devices, mayLive := range map[string]bool{"full": false, "disk": true, "disk,full": false, "dog": true, "dog,disk": true, "full,dog": false} {
		doc := document(t, "full fence_full\ndisk fence_disk\ndog fence_watchdog", `<fencing-topology><fencing-level id="l" target="n2" index="1" devices="`+devices+`"/></fencing-topology>
			<crm_config><cluster_property_set id="o"><nvpair id="t" name="stonith-watchdog-timeout" value="10s"/></cluster_property_set></crm_config>`)
		o := NewOperation(Request{Target: "n2", Action: "off", Hosts: []string{"n1"}}, Devices(doc, describe), Levels(doc, "n2"), func() float64 { return 0 })
		for queue := o.Start(); len(queue) > 0; {
			queue = append(queue[1:], o.Answered(Answer{ID: queue[0].ID})...)
		}
		if end := o.End(); end.Device != devices || end.MayLive != mayLive {
			t.Errorf("%s: %+v; may live %t wanted", devices, end, mayLive)
		}
	}
}
