package scheduler

import (
	"fmt"
	"io"
	"strconv"

	"holdfast/cluster/cib"
)

// WriteXML writes the graph as XML, in the form that Pacemaker's controller reads.
func (p *Plan) WriteXML(w io.Writer) error {
	g := p.Graph
	root := cib.NewElement("transition_graph",
		"cluster-delay", fmt.Sprintf("%ds", int(g.Settings.ClusterDelay.Seconds())),
		"fencing-timeout", fmt.Sprintf("%ds", int(g.Settings.FencingTimeout.Seconds())),
		"failed-stop-offset", g.Settings.StopOffset, "failed-start-offset", g.Settings.StartOffset,
		"transition_id", "1")
	byID := map[int]*Action{}
	for _, a := range g.Actions {
		byID[a.ID] = a
	}
	for i, a := range g.Actions {
		synapse := root.Append(cib.NewElement("synapse", "id", strconv.Itoa(i)))
		if a.Priority > 0 {
			synapse.Set("priority", strconv.Itoa(a.Priority))
		}
		synapse.Append(cib.NewElement("action_set")).Append(a.element(true))
		inputs := synapse.Append(cib.NewElement("inputs"))
		for _, in := range a.Inputs {
			if first := byID[in.Action]; first != nil {
				inputs.Append(cib.NewElement("trigger")).Append(first.element(false))
			}
		}
	}
	_, err := io.WriteString(w, root.String())
	return err
}

func (a *Action) element(whole bool) *cib.Element {
	name := "rsc_op"
	switch a.Kind {
	case Pseudo:
		name = "pseudo_event"
	case Fencing, HostTask:
		name = "crm_event"
	}
	e := cib.NewElement(name, "id", strconv.Itoa(a.ID), "operation", a.Task, "operation_key", a.Key)
	if a.Node != "" && a.Kind != Pseudo {
		e.Set("on_node", a.Node)
		e.Set("on_node_uuid", a.NodeID)
		if a.Router != "" {
			e.Set("router_node", a.Router)
		}
	}
	if !whole {
		return e
	}
	if a.Resource != nil && a.Kind != Pseudo {
		r := e.Append(cib.NewElement("primitive", "id", a.Resource.ID))
		if a.Resource.LongID != "" {
			r.Set("long-id", a.Resource.LongID)
		}
		r.Set("class", a.Resource.Class)
		if a.Resource.Provider != "" {
			r.Set("provider", a.Resource.Provider)
		}
		r.Set("type", a.Resource.Type)
	}
	attributes := e.Append(cib.NewElement("attributes"))
	for _, p := range a.Meta {
		attributes.Set("CRM_meta_"+p.Name, p.Value)
	}
	for _, p := range a.Params {
		setParameter(attributes, p)
	}
	return e
}

// setParameter writes a parameter: positional ones, whose names begin with a digit as
// Heartbeat's did, as elements of their own, because no XML attribute may be named so.
func setParameter(attributes *cib.Element, p Param) {
	if p.Name != "" && p.Name[0] >= '0' && p.Name[0] <= '9' {
		attributes.Append(cib.NewElement("param", "name", p.Name, "value", p.Value))
		return
	}
	attributes.Set(p.Name, p.Value)
}
