package crm

import (
	"context"
	"fmt"
	"slices"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// maintenanceLevel holds the commands for working on the whole cluster.
func maintenanceLevel() *level {
	mode := func(value string) func(*session, []word) error {
		return func(s *session, words []word) error { return setMaintenanceMode(s, words, value) }
	}
	return &level{name: "maintenance", summary: "maintenance of the cluster or of one resource", commands: []*command{
		{name: "on", usage: "[RESOURCE]", summary: "leave everything, or one resource, alone", run: mode("true"), words: completeResources},
		{name: "off", usage: "[RESOURCE]", summary: "manage it again", run: mode("false"), words: completeResources},
		{name: "action", old: []string{"actionssh"}, usage: "RESOURCE start|stop|monitor|promote|demote|validate-all", summary: "call a resource's agent by hand",
			run: maintenanceAction, words: completeResources},
	}}
}

func setMaintenanceMode(s *session, words []word, value string) error {
	if len(words) == 1 {
		return s.changeMeta("maintenance", textsOf(words), "maintenance", value, "is-managed")
	}
	if len(words) > 1 {
		return usageError("expected nothing, or one resource")
	}
	return s.change("maintenance-mode="+value, func(doc *cib.Document) error {
		m := newModel(doc, s.agents, func(string) {})
		set := cib.NewElement("cluster_property_set", "id", "cib-bootstrap-options")
		set.Append(cib.NewElement("nvpair", "name", "maintenance-mode", "value", value))
		return m.define(kindOfCommand("property"), set)
	})
}

// maintenanceAction calls an agent while the cluster leaves the resource alone.
func maintenanceAction(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) < 2 {
		return usageError("expected a resource and an action")
	}
	if !slices.Contains([]string{"start", "stop", "monitor", "promote", "demote", "validate-all", "meta-data"}, texts[1]) {
		return usageError(fmt.Sprintf("%q is no action", texts[1]))
	}
	c, err := s.daemon("action")
	if err != nil {
		return err
	}
	result, err := c.Operate(context.Background(), client.Operation{Resource: texts[0], Action: texts[1]})
	if err != nil {
		return err
	}
	s.printf("%s", result.Output)
	s.info("%s %s: %d %s", texts[0], texts[1], result.Code, result.Reason)
	if result.Code != 0 {
		return errReported
	}
	return nil
}

// siteLevel holds the commands on tickets.
func siteLevel() *level {
	return &level{name: "site", summary: "tickets of a cluster over several sites", commands: []*command{
		{name: "ticket", usage: "{grant|revoke|standby|activate|delete|show|time} TICKET", summary: "change or show a ticket as this site has it",
			example: "ticket grant web", run: runTicket},
	}}
}

// ticketStates maps what is done to a ticket to an attribute of its state.
var ticketStates = map[string][2]string{
	"grant": {"granted", "true"}, "revoke": {"granted", "false"}, "standby": {"standby", "true"}, "activate": {"standby", "false"},
}

func runTicket(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) != 2 {
		return usageError("expected what to do, and a ticket")
	}
	action, id := texts[0], texts[1]
	change, changes := ticketStates[action]
	if !changes && action != "delete" {
		return showTicket(s, action, id)
	}
	dangerous := action == "grant" || action == "revoke"
	if dangerous && !s.confirm(false, "To %s ticket %s by hand is dangerous while another site may count on it. Do you want to proceed?", action, id) {
		return fmt.Errorf("ticket %s: not confirmed; crm -F does it all the same", id)
	}
	return s.change("site ticket "+action, func(doc *cib.Document) error {
		tickets := doc.EnsureSection("status").Ensure("tickets")
		var state *cib.Element
		for t := range tickets.All("ticket_state") {
			if t.ID() == id {
				state = t
			}
		}
		switch {
		case action == "delete" && state == nil:
			return fmt.Errorf("there is no ticket %s", id)
		case action == "delete":
			state.Remove()
			return nil
		case state == nil:
			state = tickets.Append(cib.NewElement("ticket_state", "id", id))
		}
		state.Set(change[0], change[1])
		return nil
	})
}

func showTicket(s *session, action, id string) error {
	if action != "show" && action != "time" {
		return usageError(fmt.Sprintf("%q is none of grant, revoke, standby, activate, delete, show and time", action))
	}
	doc, err := s.document()
	if err != nil {
		return err
	}
	tickets := doc.EnsureSection("status").Ensure("tickets")
	for t := range tickets.All("ticket_state") {
		if t.ID() != id {
			continue
		}
		if action == "time" {
			s.printf("%s\n", t.Get("last-granted"))
			return nil
		}
		s.printf("%s", t.String())
		return nil
	}
	return fmt.Errorf("there is no ticket %s", id)
}
