package pcs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// The shapes of --output-format json, with pcs's names.
type (
	jsonAgent struct {
		Standard string  `json:"standard"`
		Provider *string `json:"provider"`
		Type     string  `json:"type"`
	}
	jsonPair struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	jsonSet struct {
		ID      string            `json:"id"`
		Options map[string]string `json:"options"`
		Rule    *jsonRule         `json:"rule"`
		Pairs   []jsonPair        `json:"nvpairs"`
	}
	jsonOperation struct {
		ID             string    `json:"id"`
		Name           string    `json:"name"`
		Interval       string    `json:"interval"`
		Description    *string   `json:"description"`
		StartDelay     *string   `json:"start_delay"`
		IntervalOrigin *string   `json:"interval_origin"`
		Timeout        *string   `json:"timeout"`
		Enabled        *bool     `json:"enabled"`
		RecordPending  *bool     `json:"record_pending"`
		Role           *string   `json:"role"`
		OnFail         *string   `json:"on_fail"`
		Meta           []jsonSet `json:"meta_attributes"`
		Instance       []jsonSet `json:"instance_attributes"`
	}
	jsonPrimitive struct {
		ID          string          `json:"id"`
		Agent       jsonAgent       `json:"agent_name"`
		Description *string         `json:"description"`
		Operations  []jsonOperation `json:"operations"`
		Meta        []jsonSet       `json:"meta_attributes"`
		Instance    []jsonSet       `json:"instance_attributes"`
		Utilization []jsonSet       `json:"utilization"`
	}
	jsonClone struct {
		ID          string    `json:"id"`
		Description *string   `json:"description"`
		Member      string    `json:"member_id"`
		Meta        []jsonSet `json:"meta_attributes"`
		Instance    []jsonSet `json:"instance_attributes"`
	}
	jsonGroup struct {
		ID          string    `json:"id"`
		Description *string   `json:"description"`
		Members     []string  `json:"member_ids"`
		Meta        []jsonSet `json:"meta_attributes"`
		Instance    []jsonSet `json:"instance_attributes"`
	}
	jsonContainer struct {
		Image           string  `json:"image"`
		Replicas        *int    `json:"replicas"`
		ReplicasPerHost *int    `json:"replicas_per_host"`
		PromotedMax     *int    `json:"promoted_max"`
		RunCommand      *string `json:"run_command"`
		Network         *string `json:"network"`
		Options         *string `json:"options"`
	}
	jsonNetwork struct {
		RangeStart  *string `json:"ip_range_start"`
		ControlPort *int    `json:"control_port"`
		Interface   *string `json:"host_interface"`
		Netmask     *int    `json:"host_netmask"`
		AddHost     *bool   `json:"add_host"`
	}
	jsonPort struct {
		ID       string  `json:"id"`
		Port     *int    `json:"port"`
		Internal *int    `json:"internal_port"`
		Range    *string `json:"range"`
	}
	jsonStorage struct {
		ID         string  `json:"id"`
		Source     *string `json:"source_dir"`
		SourceRoot *string `json:"source_dir_root"`
		Target     string  `json:"target_dir"`
		Options    *string `json:"options"`
	}
	jsonBundle struct {
		ID          string        `json:"id"`
		Description *string       `json:"description"`
		Member      *string       `json:"member_id"`
		Kind        string        `json:"container_type"`
		Container   jsonContainer `json:"container_options"`
		Network     *jsonNetwork  `json:"network"`
		Ports       []jsonPort    `json:"port_mappings"`
		Storage     []jsonStorage `json:"storage_mappings"`
		Meta        []jsonSet     `json:"meta_attributes"`
		Instance    []jsonSet     `json:"instance_attributes"`
	}
	jsonResources struct {
		Primitives []jsonPrimitive `json:"primitives"`
		Clones     []jsonClone     `json:"clones"`
		Groups     []jsonGroup     `json:"groups"`
		Bundles    []jsonBundle    `json:"bundles"`
	}
)

func optional(e *cib.Element, name string) *string {
	if v, ok := e.Lookup(name); ok {
		return &v
	}
	return nil
}

func optionalInt(e *cib.Element, name string) *int {
	if n, err := strconv.Atoi(e.Get(name)); err == nil {
		return &n
	}
	return nil
}

func optionalBool(e *cib.Element, name string) *bool {
	if v, ok := e.Lookup(name); ok {
		b := cib.ParseBool(v, false)
		return &b
	}
	return nil
}

func jsonSets(e *cib.Element, kind string) []jsonSet {
	sets := []jsonSet{}
	for set := range e.All(kind) {
		out := jsonSet{ID: set.ID(), Options: map[string]string{}, Rule: jsonRuleOf(set.Child("rule")), Pairs: []jsonPair{}}
		if score, ok := set.Lookup("score"); ok {
			out.Options["score"] = score
		}
		for nv := range set.All("nvpair") {
			out.Pairs = append(out.Pairs, jsonPair{nv.ID(), nv.Get("name"), nv.Get("value")})
		}
		slices.SortStableFunc(out.Pairs, func(a, b jsonPair) int { return strings.Compare(a.ID, b.ID) })
		sets = append(sets, out)
	}
	return sets
}

// add puts a resource and what it holds into the lists of their kinds.
func (j *jsonResources) add(e *cib.Element) {
	meta, instance := jsonSets(e, "meta_attributes"), jsonSets(e, "instance_attributes")
	switch e.Name {
	case "primitive":
		p := jsonPrimitive{ID: e.ID(), Description: optional(e, "description"), Operations: []jsonOperation{}, Meta: meta, Instance: instance, Utilization: jsonSets(e, "utilization"),
			Agent: jsonAgent{e.Get("class"), optional(e, "provider"), e.Get("type")}}
		for op := range e.Child("operations").All("op") {
			p.Operations = append(p.Operations, jsonOperationOf(op))
		}
		j.Primitives = append(j.Primitives, p)
	case "group":
		g := jsonGroup{ID: e.ID(), Description: optional(e, "description"), Members: []string{}, Meta: meta, Instance: instance}
		for m := range e.All("primitive") {
			g.Members = append(g.Members, m.ID())
			j.add(m)
		}
		j.Groups = append(j.Groups, g)
	case "clone", "master":
		if e.Name == "master" { // pcs shows what the element says as a value
			if len(meta) == 0 {
				meta = []jsonSet{{Options: map[string]string{}}}
			}
			meta[0].Pairs = append(meta[0].Pairs, jsonPair{"", "promotable", "true"})
		}
		c := jsonClone{ID: e.ID(), Description: optional(e, "description"), Meta: meta, Instance: instance}
		if in := inside(e); in != nil {
			c.Member = in.ID()
			j.add(in)
		}
		j.Clones = append(j.Clones, c)
	case "bundle":
		j.addBundle(e, meta, instance)
	}
}

func jsonOperationOf(op *cib.Element) jsonOperation {
	out := jsonOperation{ID: op.ID(), Name: op.Get("name"), Interval: op.Get("interval"), Description: optional(op, "description"),
		StartDelay: optional(op, "start-delay"), IntervalOrigin: optional(op, "interval-origin"), Timeout: optional(op, "timeout"),
		Enabled: optionalBool(op, "enabled"), RecordPending: optionalBool(op, "record-pending"), Role: optional(op, "role"), OnFail: optional(op, "on-fail"),
		Meta: jsonSets(op, "meta_attributes"), Instance: jsonSets(op, "instance_attributes")}
	if out.Role != nil {
		shown := shownRole(*out.Role)
		out.Role = &shown
	}
	return out
}

func (j *jsonResources) addBundle(e *cib.Element, meta, instance []jsonSet) {
	b := jsonBundle{ID: e.ID(), Description: optional(e, "description"), Ports: []jsonPort{}, Storage: []jsonStorage{}, Meta: meta, Instance: instance}
	if c := containerOf(e); c != nil {
		b.Kind = c.Name
		b.Container = jsonContainer{c.Get("image"), optionalInt(c, "replicas"), optionalInt(c, "replicas-per-host"), optionalInt(c, "promoted-max"),
			optional(c, "run-command"), optional(c, "network"), optional(c, "options")}
		if c.Get("masters") != "" {
			b.Container.PromotedMax = optionalInt(c, "masters")
		}
	}
	if n := e.Child("network"); n != nil {
		b.Network = &jsonNetwork{optional(n, "ip-range-start"), optionalInt(n, "control-port"), optional(n, "host-interface"), optionalInt(n, "host-netmask"), optionalBool(n, "add-host")}
		for m := range n.All("port-mapping") {
			b.Ports = append(b.Ports, jsonPort{m.ID(), optionalInt(m, "port"), optionalInt(m, "internal-port"), optional(m, "range")})
		}
	}
	for m := range e.Child("storage").All("storage-mapping") {
		b.Storage = append(b.Storage, jsonStorage{m.ID(), optional(m, "source-dir"), optional(m, "source-dir-root"), m.Get("target-dir"), optional(m, "options")})
	}
	if in := inside(e); in != nil {
		id := in.ID()
		b.Member = &id
		j.add(in)
	}
	j.Bundles = append(j.Bundles, b)
}

// resourcesJSON prints resources as pcs's --output-format json: fence devices, or all others, or those chosen.
func (s *session) resourcesJSON(chosen []*cib.Element) error {
	j := jsonResources{[]jsonPrimitive{}, []jsonClone{}, []jsonGroup{}, []jsonBundle{}}
	for _, e := range chosen {
		j.add(e)
	}
	if len(s.args) > 0 { // what was chosen comes in the order of its ids
		slices.SortStableFunc(j.Primitives, func(a, b jsonPrimitive) int { return strings.Compare(a.ID, b.ID) })
		slices.SortStableFunc(j.Groups, func(a, b jsonGroup) int { return strings.Compare(a.ID, b.ID) })
	}
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	s.printf("%s\n", spaced(string(text)))
	return nil
}

// spaced writes JSON as Python's programs do: a blank after every comma and colon, and ASCII alone.
func spaced(text string) string {
	var b strings.Builder
	inside, escaped := false, false
	for _, r := range text {
		switch {
		case r >= 0x80:
			b.WriteString(strings.Trim(jsonText(string(r)), `"`))
		default:
			b.WriteRune(r)
		}
		switch {
		case escaped:
			escaped = false
		case inside && r == '\\':
			escaped = true
		case r == '"':
			inside = !inside
		case !inside && (r == ',' || r == ':'):
			b.WriteByte(' ')
		}
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(b.String())
}
