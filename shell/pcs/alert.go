package pcs

import (
	"errors"
	"fmt"
	"slices"

	"holdfast/cluster/cib"
)

func alertCommands() []command {
	commands := []command{
		{path: "alert", document: true, options: "f", run: showAlerts},
		{path: "alert config", help: "Shows what is called when something happens.", document: true, options: "f", run: showAlerts},
		{path: "alert show", document: true, options: "f", run: formerly("alert config", showAlerts)},
		{path: "alert create", syntax: "path=FILE [id=ID] [description=TEXT] [options OPTION=VALUE...] [meta OPTION=VALUE...]",
			help: "Has a program called when something happens.\nExample: pcs alert create path=/usr/local/bin/page.sh meta timeout=10s", document: true, options: "f", run: createAlert},
		{path: "alert update", syntax: "ALERT [path=FILE] [description=TEXT] [options OPTION=VALUE...] [meta OPTION=VALUE...]", help: "Changes an alert.", document: true, options: "f", run: updateAlert},
		{path: "alert recipient add", syntax: "ALERT value=WHO [id=ID] [description=TEXT] [options OPTION=VALUE...] [meta OPTION=VALUE...]", help: "Has the program called for one more recipient.", document: true, options: "f force", older: recipientOlder, run: addRecipient},
		{path: "alert recipient update", syntax: "RECIPIENT [value=WHO] [description=TEXT] [options OPTION=VALUE...] [meta OPTION=VALUE...]", help: "Changes a recipient.", document: true, options: "f force", older: recipientOlder, run: updateRecipient},
	}
	for _, verb := range []string{"delete", "remove"} {
		commands = append(commands,
			command{path: "alert " + verb, syntax: "ALERT...", help: "Deletes alerts.", document: true, options: "f", run: func(s *session) error { return deleteAlerts(s, "alert") }},
			command{path: "alert recipient " + verb, syntax: "RECIPIENT...", help: "Deletes recipients.", document: true, options: "f", run: func(s *session) error { return deleteAlerts(s, "recipient") }})
	}
	return commands
}

func showAlerts(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	s.printf("Alerts:\n")
	alerts := s.doc.Section("alerts")
	if alerts.Child("alert") == nil {
		s.printf(" No alerts defined\n")
	}
	for a := range alerts.All("alert") {
		s.printf(" Alert: %s (path=%s)\n", a.ID(), a.Get("path"))
		s.alertDetails(a, "  ")
		if a.Child("recipient") != nil {
			s.printf("  Recipients:\n")
		}
		for r := range a.All("recipient") {
			s.printf("   Recipient: %s (value=%s)\n", r.ID(), r.Get("value"))
			s.alertDetails(r, "    ")
		}
	}
	return nil
}

func (s *session) alertDetails(e *cib.Element, indent string) {
	if text := e.Get("description"); text != "" {
		s.printf("%sDescription: %s\n", indent, text)
	}
	for _, set := range []pair{{"instance_attributes", "Options"}, {"meta_attributes", "Meta options"}} {
		if list := values(e.Child(set.name)); len(list) > 0 {
			s.printf("%s%s: %s\n", indent, set.value, showPairs(list.sorted()))
		}
	}
}

// alertCall is OPTION=VALUE… [options …] [meta …].
func (s *session) alertCall(words []string, allowed ...string) (main, options, meta pairs, err error) {
	parts := sections(words, "options", "meta")
	for i, into := range []*pairs{&main, &options, &meta} {
		given, _ := gather(parts, []string{"", "options", "meta"}[i])
		if *into, err = parsePairs(given); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, p := range main {
		if !slices.Contains(allowed, p.name) {
			return nil, nil, nil, fmt.Errorf("'%s' is not an option here; options are %s", p.name, quoted(allowed))
		}
	}
	return main, options, meta, nil
}

// fillAlert gives an alert or recipient its description and options.
func (s *session) fillAlert(e *cib.Element, main, options, meta pairs) {
	if main.has("description") {
		setOrUnset(e, pair{"description", main.value("description")})
	}
	s.updateFirstSet(e, "instance_attributes", options.sorted())
	s.updateFirstSet(e, "meta_attributes", meta.sorted())
}

func createAlert(s *session) error {
	main, options, meta, err := s.alertCall(s.args, "path", "id", "description")
	if err != nil {
		return err
	}
	if len(s.args) == 0 {
		return errUsage
	}
	if main.value("path") == "" {
		return errors.New("an alert needs path=FILE, the program to call")
	}
	id := main.value("id")
	if id == "" {
		id = s.freeID("alert")
	} else if err := s.newID(id, "alert id"); err != nil {
		return err
	}
	alert := cib.NewElement("alert", "id", id, "path", main.value("path"))
	s.booked = append(s.booked, id)
	s.fillAlert(alert, main, options.nonEmpty(), meta.nonEmpty())
	s.doc.EnsureSection("alerts").Append(alert)
	return nil
}

func (s *session) alertPart(kind string) (*cib.Element, error) {
	if len(s.args) == 0 {
		return nil, errUsage
	}
	if e := s.find(s.args[0]); e != nil && e.Name == kind {
		return e, nil
	}
	return nil, fmt.Errorf("%s '%s' does not exist", kind, s.args[0])
}

func updateAlert(s *session) error {
	alert, err := s.alertPart("alert")
	if err != nil {
		return err
	}
	main, options, meta, err := s.alertCall(s.args[1:], "path", "description")
	if err != nil {
		return err
	}
	if path := main.value("path"); path != "" {
		alert.Set("path", path)
	}
	s.fillAlert(alert, main, options, meta)
	return nil
}

// checkRecipient refuses a recipient that the alert has already.
func (s *session) checkRecipient(alert, self *cib.Element, value string) error {
	for r := range alert.All("recipient") {
		if r != self && r.Get("value") == value {
			return s.forceable("alert '%s' has recipient '%s' already", alert.ID(), value)
		}
	}
	return nil
}

func addRecipient(s *session) error {
	alert, err := s.alertPart("alert")
	if err != nil {
		return err
	}
	main, options, meta, err := s.alertCall(s.args[1:], "value", "id", "description")
	if err != nil {
		return err
	}
	value, id := main.value("value"), main.value("id")
	if value == "" {
		return errors.New("a recipient needs value=WHO")
	}
	if err := s.checkRecipient(alert, nil, value); err != nil {
		return err
	}
	if id == "" {
		id = s.freeID(alert.ID() + "-recipient")
	} else if err := s.newID(id, "recipient id"); err != nil {
		return err
	}
	recipient := cib.NewElement("recipient", "id", id, "value", value)
	s.booked = append(s.booked, id)
	s.fillAlert(recipient, main, options.nonEmpty(), meta.nonEmpty())
	alert.Append(recipient)
	return nil
}

func updateRecipient(s *session) error {
	recipient, err := s.alertPart("recipient")
	if err != nil {
		return err
	}
	main, options, meta, err := s.alertCall(s.args[1:], "value", "description")
	if err != nil {
		return err
	}
	if value, ok := main.get("value"); ok {
		if value == "" {
			return errors.New("a recipient needs a value")
		}
		if err := s.checkRecipient(recipient.Parent, recipient, value); err != nil {
			return err
		}
		recipient.Set("value", value)
	}
	s.fillAlert(recipient, main, options, meta)
	return nil
}

func deleteAlerts(s *session, kind string) error {
	if len(s.args) == 0 {
		return errUsage
	}
	r := s.reports()
	var gone []*cib.Element
	for _, id := range s.args {
		e := s.find(id)
		switch {
		case e == nil || e.Name != kind:
			r.fail("%s '%s' does not exist", kind, id)
		case slices.Contains(gone, e):
			r.fail("%s '%s' is to be deleted twice", kind, id)
		}
		gone = append(gone, e)
	}
	if err := r.err(); err != nil {
		return err
	}
	for _, e := range gone {
		e.Remove()
	}
	return nil
}
