package pcs

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/cluster/cib"
)

func stonithCommands() []command {
	return []command{
		{path: "stonith", document: true, options: "f hide-inactive", run: showFencing},
		{path: "stonith status", syntax: "[ID]", help: "Shows fence devices and where they run.", document: true, options: "f hide-inactive", run: showFencing},
		{path: "stonith config", syntax: "[ID]...", help: "Shows how fence devices are configured.", document: true, options: "f output-format", run: showFencingConfig},
		{path: "stonith create", syntax: "ID AGENT [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...] [--disabled]", help: "Makes a fence device.", document: true, options: "f before after group disabled wait agent-validation no-default-ops force", run: createFencing},
		{path: "stonith update", syntax: "ID [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...]", help: "Changes a fence device.", document: true, options: "f agent-validation force", run: updateFencing},
		{path: "stonith delete", syntax: "ID", help: "Deletes a fence device.", document: true, options: "f force", run: deleteFencing},
		{path: "stonith remove", document: true, options: "f force", run: deleteFencing},
		{path: "stonith enable", syntax: "ID...", help: "Lets fence devices be used.", document: true, options: "f wait", run: func(s *session) error { return setFencing(s, "") }},
		{path: "stonith disable", syntax: "ID...", help: "Keeps fence devices from being used.", document: true, options: "f wait force", run: func(s *session) error { return setFencing(s, "Stopped") }},
		{path: "stonith meta", syntax: "ID OPTION=VALUE...", help: "Sets meta attributes.", document: true, options: "f wait force", run: setMeta},
	}
}

func (s *session) fenceDevice(id string) (*cib.Element, error) {
	e := s.find(id)
	if e == nil || e.Name != "primitive" || e.Get("class") != "stonith" {
		return nil, fmt.Errorf("fence device '%s' does not exist", id)
	}
	return e, nil
}

func createFencing(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	c, err := s.parseCreation(s.args)
	if err != nil {
		return err
	}
	if c.wrap != "" || strings.Contains(s.args[1], ":") {
		return errors.New("a fence device takes an agent's plain name, such as fence_ipmilan, and cannot be cloned")
	}
	c.name = agentName{class: "stonith", kind: s.args[1]}
	if err := s.checkPlace(c); err != nil {
		return err
	}
	primitive, err := s.newPrimitive(c)
	if err != nil {
		return err
	}
	return s.place(c, primitive)
}

func updateFencing(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	if e := s.find(s.args[0]); e != nil && e.Get("class") != "stonith" {
		s.deprecated("'%s' is a resource; write 'pcs resource update'", s.args[0])
	}
	return updateResource(s)
}

func deleteFencing(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	e, err := s.fenceDevice(s.args[0])
	if err != nil {
		return err
	}
	return s.deleteTree(e)
}

func setFencing(s *session, role string) error {
	for _, id := range s.args {
		if _, err := s.fenceDevice(id); err != nil && s.find(id) != nil {
			s.deprecated("'%s' is not a fence device; 'pcs resource enable' and 'disable' are for resources", id)
		}
	}
	return setTarget(s, role)
}

func splitDevices(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
func joinDevices(ids []string) string { return strings.Join(ids, ",") }
