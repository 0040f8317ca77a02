package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

var orderActions = []string{"start", "promote", "stop", "demote"}

func order(s *session) error {
	if len(s.args) == 0 {
		return showConstraints(s, "order")
	}
	at := slices.Index(s.args, "then")
	if at < 1 || at == len(s.args)-1 {
		return usageError{"FIRST then THEN was expected"}
	}
	if slices.Contains(s.args[at+1:], "then") {
		return usageError{"'then' stands twice; use 'constraint order set' for more than two resources"}
	}
	var words, optionWords []string
	for _, w := range s.args[at+1:] {
		if strings.Contains(w, "=") {
			optionWords = append(optionWords, w)
		} else {
			words = append(words, w)
		}
	}
	first, firstAction, err := orderSide(s.args[:at])
	if err != nil {
		return err
	}
	then, thenAction, err := orderSide(words)
	if err != nil {
		return err
	}
	options, err := parsePairs(optionWords)
	if err != nil {
		return err
	}
	return s.addOrder(cib.NewElement("rsc_order", "id", "", "first", first, "then", then), firstAction, thenAction, options)
}

func orderSide(words []string) (id, action string, err error) {
	switch len(words) {
	case 1:
		return words[0], "", nil
	case 2:
		if !slices.Contains(orderActions, words[0]) {
			return "", "", fmt.Errorf("'%s' is not an action; actions are %s", words[0], quoted(orderActions))
		}
		return words[1], words[0], nil
	}
	return "", "", errUsage
}

func (s *session) addOrder(c *cib.Element, firstAction, thenAction string, options pairs) error {
	first, then := c.Get("first"), c.Get("then")
	if firstAction == "" {
		firstAction = "start"
	}
	if thenAction == "" {
		thenAction = "start"
	}
	for _, id := range []string{first, then} {
		if err := s.constrainable(id); err != nil {
			return err
		}
	}
	a, b := s.find(first), s.find(then)
	if a.Name == "primitive" && a.Parent.Name == "group" && a.Parent == b.Parent {
		return fmt.Errorf("'%s' and '%s' are in one group, whose order they follow", first, then)
	}
	kind := "mandatory"
	for i, p := range options {
		switch p.name {
		case "score":
			if !isScore(p.value) {
				return scoreError(p.value)
			}
			kind = p.value
		case "kind":
			kind = p.value
		case "symmetrical":
			options[i].value = strings.ToLower(p.value)
		}
	}
	if err := checkOptions(options, orderOptions); err != nil {
		return err
	}
	if options.has("kind") && options.has("score") {
		return errors.New("kind= and score= exclude each other: score=0 is kind=Optional, any other is kind=Mandatory")
	}
	id, err := s.constraintID(options, "order-"+first+"-"+then+"-"+kind)
	if err != nil {
		return err
	}
	for old := range s.constraints().All("rsc_order") {
		if !s.force() && old.Get("first") == first && old.Get("then") == then &&
			actionOf(old.Get("first-action")) == firstAction && actionOf(old.Get("then-action")) == thenAction {
			return fmt.Errorf("constraint '%s' says this already, use --force to override", old.ID())
		}
	}
	c.Set("id", id)
	c.Set("first-action", firstAction)
	c.Set("then-action", thenAction)
	for _, p := range options.without("id") {
		c.Set(p.name, p.value)
	}
	s.constraints().Append(c)
	return nil
}

func actionOf(action string) string {
	if action == "" {
		return "start"
	}
	return action
}

func removeFromOrder(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	var found bool
	for _, id := range s.args {
		for c := range slices.Values(slices.Clone(s.constraints().Children)) {
			if c.Name != "rsc_order" {
				continue
			}
			if c.Get("first") == id || c.Get("then") == id {
				c.Remove()
				found = true
			} else if before := len(c.String()); c.Child("resource_set") != nil {
				s.forgetInSets(c, id)
				found = found || c.Parent == nil || len(c.String()) != before
			}
		}
	}
	if !found {
		return errors.New("no order names these resources")
	}
	return nil
}
