package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// nodeState makes a node's entry in the status section.
func (b *builder) nodeState(h host) *cib.Element {
	e := cib.NewElement("node_state", "id", h.id, "uname", h.name,
		"in_ccm", "true", "crmd", "online", "join", "member", "expected", "member")
	set := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			e.Set(pairs[i], pairs[i+1])
		}
	}
	switch {
	case h.is["unseen"]:
		return e
	case h.is["remote"]:
		e = cib.NewElement("node_state", "id", h.id, "uname", h.name, "remote_node", "true", "in_ccm", "true")
		if h.is["offline"] {
			e.Set("in_ccm", "false")
		}
	case h.is["unclean"]:
		set("in_ccm", "false", "crmd", "offline")
	case h.is["offline"]:
		set("in_ccm", "false", "crmd", "offline", "join", "down", "expected", "down")
	case h.is["pending"]:
		set("join", "down", "expected", "down")
	}
	b.doc.EnsureSection("status").Append(e)
	if h.is["shutdown"] {
		h.state = e
		b.transient(h, "shutdown="+strconv.FormatInt(b.now.Unix()-60, 10))
	}
	return e
}

func (b *builder) transient(h host, word string) {
	section := h.state.Child("transient_attributes")
	if section == nil {
		section = h.state.Append(cib.NewElement("transient_attributes", "id", h.id))
	}
	b.nvpairs(section, "instance_attributes", "status", []string{word})
}

func (b *builder) host(name string) (host, error) {
	i := slices.IndexFunc(b.hosts, func(h host) bool { return h.name == name })
	if i < 0 {
		return host{}, fmt.Errorf("no node %s in this scenario", name)
	}
	return b.hosts[i], nil
}

// finish applies what is known about the state, and fills in probes that found nothing.
func (b *builder) finish() error {
	b.doc.Root.Set("execution-date", strconv.FormatInt(b.now.Unix(), 10))
	if !b.fencing {
		b.nvpairs(b.doc.EnsureSection("crm_config"), "cluster_property_set", "options", []string{"stonith-enabled=false"})
	}
	for _, h := range b.hosts {
		if !h.is["offline"] && !h.is["unclean"] && !h.is["remote"] && !h.is["unseen"] && !h.is["pending"] {
			b.doc.Root.Set("dc-uuid", h.id)
			break
		}
	}
	for _, fact := range b.facts {
		if err := b.fact(fact[0], fact[1:]); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(fact, " "), err)
		}
	}
	if b.unprobed[""] {
		return nil
	}
	for _, e := range slices.Collect(b.doc.EnsureSection("resources").Descendants()) {
		if e.Name == "primitive" && !b.unprobed[e.ID()] && e.Get("class") != "stonith" && !inBundle(e) {
			b.probed(e)
		}
	}
	return nil
}

func inBundle(e *cib.Element) bool {
	return e.Parent != nil && e.Parent.Name == "bundle"
}

// probed notes that a resource was found not running on each host that says nothing else of it.
func (b *builder) probed(e *cib.Element) {
	for _, h := range b.hosts {
		if h.is["offline"] || h.is["unclean"] || h.is["unseen"] || h.is["pending"] || h.is["remote"] {
			continue
		}
		known := false
		for x := range h.state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			name, _, _ := strings.Cut(x.ID(), ":")
			known = known || name == e.ID()
		}
		id := e.ID()
		if clone := e.Parent; clone != nil && clone.Name == "clone" && isUnique(clone) {
			id += ":0"
		}
		if !known {
			b.result(h, result{id: id, task: "monitor", rc: 7})
		}
	}
}

func isUnique(clone *cib.Element) bool {
	return clone.PairIn("meta_attributes", "globally-unique").Get("value") == "true"
}

func (b *builder) fact(kind string, words []string) error {
	plain, pairs := splitPairs(words)
	switch kind {
	case "granted", "revoked":
		e := b.doc.EnsureSection("status").Ensure("tickets").Append(cib.NewElement("ticket_state", "id", plain[0],
			"granted", strconv.FormatBool(kind == "granted"), "last-granted", strconv.FormatInt(b.now.Unix()-600, 10)))
		for _, pair := range pairs {
			e.Set(pair[0], pair[1])
		}
		return nil
	case "run":
		for _, name := range plain[1:] {
			h, err := b.host(name)
			if err != nil {
				return err
			}
			if err := b.run(h, plain[0], pairs); err != nil {
				return err
			}
		}
		return nil
	}
	h, err := b.host(plain[1])
	if err != nil {
		return err
	}
	if kind == "fails" {
		key := "monitor_10000"
		if len(plain) > 3 {
			key = plain[3]
		}
		b.transient(h, "fail-count-"+plain[0]+"#"+key+"="+plain[2])
		at := strconv.FormatInt(b.now.Unix()-30, 10)
		for _, pair := range pairs {
			at = pair[1]
		}
		b.transient(h, "last-failure-"+plain[0]+"#"+key+"="+at)
		return nil
	}
	return b.operated(h, plain, pairs)
}

// operated reads RESOURCE NODE TASK INTERVAL RC and what else is to be set.
func (b *builder) operated(h host, plain []string, pairs [][2]string) error {
	if len(plain) < 5 {
		return fmt.Errorf("a resource, node, task, interval and exit status are expected")
	}
	interval, err := rule.ParseInterval(plain[3])
	if err != nil {
		return err
	}
	rc, err := strconv.Atoi(plain[4])
	if err != nil {
		return fmt.Errorf("exit status %q: a number is expected", plain[4])
	}
	b.result(h, result{id: plain[0], task: plain[2], interval: interval, rc: rc, extra: pairs})
	return nil
}

// run notes that a resource was started (and promoted), and that its monitors run.
func (b *builder) run(h host, id string, pairs [][2]string) error {
	role := ""
	for _, pair := range pairs {
		if pair[0] == "role" {
			role = pair[1]
		}
	}
	task := "start"
	if role == "Promoted" {
		task = "promote"
	}
	b.result(h, result{id: id, task: task, extra: pairs})
	name, _, _ := strings.Cut(id, ":")
	for op := range b.resources[name].Child("operations").All("op") {
		interval, err := rule.ParseInterval(op.Get("interval"))
		if err != nil {
			return err
		}
		if interval == 0 || op.Get("name") != "monitor" || (op.Get("role") == "Promoted") != (role == "Promoted") {
			continue
		}
		rc := 0
		if role == "Promoted" {
			rc = 8
		}
		b.result(h, result{id: id, task: "monitor", interval: interval, rc: rc, expect: rc, extra: pairs, timeout: op.Get("timeout")})
	}
	return nil
}

// result is one entry of a history.
type result struct {
	id, task   string
	interval   time.Duration
	rc, expect int
	timeout    string
	extra      [][2]string // attributes, and agent and role which are not
}

// result adds an entry to a node's history.
func (b *builder) result(h host, r result) {
	name, _, _ := strings.Cut(r.id, ":")
	list := b.history(h, r.id, r.agent(b.resources[name]))
	if r.interval > 0 && r.timeout == "" {
		r.timeout = b.timeout(name, r.interval)
	}
	ms := strconv.FormatInt(r.interval.Milliseconds(), 10)
	expect := r.expect
	if r.task == "monitor" && r.interval == 0 && expect == 0 && r.rc == 7 {
		expect = 7
	}
	status, id := "0", r.id+"_"+r.task+"_"+ms
	if r.interval == 0 && r.task != "migrate_to" && r.task != "migrate_from" {
		id = r.id + "_last_0"
	}
	if r.rc != expect {
		status, id = "4", r.id+"_last_failure_0"
	}
	calls := 0
	for range list.All("lrm_rsc_op") {
		calls++
	}
	key := "1:1:" + strconv.Itoa(expect) + ":00000000-0000-0000-0000-000000000000"
	changed := strconv.FormatInt(b.now.Unix()-3600+int64(calls), 10)
	op := cib.NewElement("lrm_rsc_op", "id", id, "operation_key", r.id+"_"+r.task+"_"+ms, "operation", r.task,
		"crm_feature_set", cib.FeatureSet, "transition-key", key, "transition-magic", status+":"+strconv.Itoa(r.rc)+";"+key,
		"exit-reason", "", "on_node", h.name, "call-id", strconv.Itoa(calls+1), "rc-code", strconv.Itoa(r.rc), "op-status", status,
		"interval", ms, "last-rc-change", changed, "exec-time", "10", "queue-time", "0")
	if e := b.resources[name]; e != nil {
		op.Set("op-digest", parameters(e, r).Digest())
	}
	for _, pair := range r.extra {
		switch pair[0] {
		case "agent", "role":
		case "status":
			op.Set("op-status", pair[1])
			op.Set("transition-magic", pair[1]+":"+strconv.Itoa(r.rc)+";"+key)
		default:
			op.Set(pair[0], pair[1])
		}
	}
	if op.Get("op-digest") == "" {
		op.Unset("op-digest")
	}
	list.Append(op)
}

// timeout is the configured time limit of a resource's monitor.
func (b *builder) timeout(resource string, interval time.Duration) string {
	for op := range b.resources[resource].Child("operations").All("op") {
		if every, err := rule.ParseInterval(op.Get("interval")); err == nil && every == interval {
			return op.Get("timeout")
		}
	}
	return ""
}

// agent is what class, provider and type the history names.
func (r result) agent(configured *cib.Element) *cib.Element {
	for _, pair := range r.extra {
		if pair[0] == "agent" {
			e := cib.NewElement("agent")
			setAgent(e, pair[1])
			return e
		}
	}
	if configured == nil || configured.Get("type") == "" {
		e := cib.NewElement("agent")
		setAgent(e, "Dummy")
		return e
	}
	return configured
}

// parameters are what an operation's digest is made of.
func parameters(e *cib.Element, r result) *cib.Element {
	all := map[string]string{}
	for nv := range e.Child("instance_attributes").All("nvpair") {
		all[nv.Get("name")] = nv.Get("value")
	}
	if r.interval > 0 {
		timeout, err := rule.ParseInterval(r.timeout)
		if err != nil || r.timeout == "" {
			timeout = 20 * time.Second // what an operation has that says nothing
		}
		all["CRM_meta_timeout"] = strconv.FormatInt(timeout.Milliseconds(), 10)
	}
	p := cib.NewElement("parameters")
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p.Set(name, all[name])
	}
	return p
}

// history returns a resource's entry in a node's history, made when there is none.
func (b *builder) history(h host, id string, agent *cib.Element) *cib.Element {
	lrm := h.state.Child("lrm")
	if lrm == nil {
		lrm = h.state.Append(cib.NewElement("lrm", "id", h.id))
	}
	list := lrm.Ensure("lrm_resources")
	for x := range list.All("lrm_resource") {
		if x.ID() == id {
			return x
		}
	}
	e := cib.NewElement("lrm_resource", "id", id, "class", agent.Get("class"))
	if provider := agent.Get("provider"); provider != "" {
		e.Set("provider", provider)
	}
	e.Set("type", agent.Get("type"))
	return list.Append(e)
}
