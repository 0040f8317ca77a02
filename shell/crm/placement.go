package crm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/dates"
	"holdfast/shell/tools/resource"
)

// whereTo is what the words after the resource of move and ban mean.
type whereTo struct {
	resource, node, lifetime string
	force                    bool
}

func parseWhereTo(doc *cib.Document, words []word) (whereTo, error) {
	texts := textsOf(words)
	if len(texts) == 0 {
		return whereTo{}, usageError("expected a resource")
	}
	w := whereTo{resource: texts[0]}
	for _, text := range texts[1:] {
		switch {
		case text == "force":
			w.force = true
		case w.node == "" && isNode(doc, text):
			w.node = text
		case w.lifetime == "" && (strings.HasPrefix(text, "P") || len(text) > 0 && isDigit(text[0])):
			end, err := endOf(text)
			if err != nil {
				return w, usageError(err.Error())
			}
			w.lifetime = end
		default:
			return w, usageError(fmt.Sprintf("%q is no node, no lifetime (P1D, PT30M, a date) and not force", text))
		}
	}
	return w, nil
}

func isNode(doc *cib.Document, name string) bool {
	for _, section := range []string{"nodes", "status"} {
		if e := doc.Section(section); e != nil {
			for node := range e.Elements() {
				if node.Get("uname") == name {
					return true
				}
			}
		}
	}
	return false
}

func moveResource(s *session, words []word) error { return s.place(words, "prefer") }

func banResource(s *session, words []word) error { return s.place(words, "ban") }

// place makes the location constraint of move or ban.
func (s *session) place(words []word, how string) error {
	var w whereTo
	moved := ""
	err := s.change("resource move", func(doc *cib.Document) error {
		var err error
		if w, err = parseWhereTo(doc, words); err != nil {
			return err
		}
		e, err := resourceIn(doc, w.resource)
		if err != nil {
			return err
		}
		if e.Name == "primitive" || e.Name == "group" {
			e = cloneOf(e)
		}
		moved, w.resource = w.node, e.ID()
		ban := how == "ban" || w.node == ""
		if w.node == "" {
			m := newModel(doc.Clone(), s.agents, func(string) {})
			if moved = m.running(w.resource); moved == "" {
				return fmt.Errorf("%s is not running anywhere; name a node", w.resource)
			}
			if how == "prefer" && !w.force {
				return errors.New("without a node the resource is banned from where it runs; add force to do that")
			}
		}
		if !ban && !w.force && e.Name != "clone" && slices.Contains(activeNodes(doc, e), w.node) {
			return fmt.Errorf("%s is active on %s already; add force to make the constraint all the same", w.resource, w.node)
		}
		constrain(doc, w, moved, ban)
		return nil
	})
	if err != nil {
		return err
	}
	onto := ""
	if w.node != "" {
		onto = " to " + w.node
	}
	if how == "ban" || w.node == "" {
		s.printf("%s", resource.BanNotice("cli-ban-"+w.resource+"-on-"+moved, w.resource, moved, false))
		s.info("%s constraint created for %s%s", map[bool]string{true: "Ban", false: "Move"}[how == "ban"], w.resource, onto)
	} else {
		s.info("Move constraint created for %s to %s", w.resource, moved)
	}
	s.info("Use `crm resource clear %s` to remove this constraint", w.resource)
	return s.awaitTransition()
}

// constrain puts the constraint into doc in the place of an older one.
func constrain(doc *cib.Document, w whereTo, node string, ban bool) {
	id, score := "cli-prefer-"+w.resource, "INFINITY"
	if ban {
		id, score = "cli-ban-"+w.resource+"-on-"+node, "-INFINITY"
	}
	section := doc.EnsureSection("constraints")
	for _, old := range slices.Collect(section.Elements()) {
		if old.ID() == id || !ban && strings.HasPrefix(old.ID(), "cli-ban-"+w.resource+"-on-") {
			old.Remove()
		}
	}
	e := section.Append(cib.NewElement("rsc_location", "id", id, "rsc", w.resource, "role", "Started"))
	if w.lifetime == "" {
		e.Set("node", node)
		e.Set("score", score)
		return
	}
	ids := [3]string{id + "-rule", id + "-expr", id + "-lifetime"}
	if !ban { // Pacemaker names the parts of a preference so
		ids = [3]string{"cli-prefer-rule-" + w.resource, "cli-prefer-expr-" + w.resource, "cli-prefer-lifetime-end-" + w.resource}
	}
	rule := e.Append(cib.NewElement("rule", "id", ids[0], "score", score, "boolean-op", "and"))
	rule.Append(cib.NewElement("expression", "id", ids[1], "attribute", "#uname", "operation", "eq", "value", node, "type", "string"))
	rule.Append(cib.NewElement("date_expression", "id", ids[2], "operation", "lt", "end", w.lifetime))
}

// endOf is when a lifetime ends that begins now: an ISO 8601 duration, or a date already.
func endOf(lifetime string) (string, error) {
	if !strings.HasPrefix(lifetime, "P") {
		return lifetime, nil
	}
	end, err := dates.After(time.Now(), lifetime)
	if err != nil {
		return "", err
	}
	return end.UTC().Format("2006-01-02 15:04:05Z"), nil
}

func clearResource(s *session, words []word) error {
	texts := slices.DeleteFunc(textsOf(words), func(t string) bool { return t == "force" })
	if len(texts) == 0 || len(texts) > 2 {
		return usageError("expected a resource")
	}
	err := s.change("resource clear", func(doc *cib.Document) error {
		e, err := resourceIn(doc, texts[0])
		if err != nil {
			return err
		}
		texts[0] = cloneOf(e).ID()
		section := doc.EnsureSection("constraints")
		for _, c := range slices.Collect(section.Elements()) {
			ban := strings.HasPrefix(c.ID(), "cli-ban-"+texts[0]+"-on-")
			if ban && len(texts) == 2 {
				ban = c.ID() == "cli-ban-"+texts[0]+"-on-"+texts[1]
			}
			if ban || c.ID() == "cli-prefer-"+texts[0] {
				c.Remove()
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.info("Removed migration constraints for %s", texts[0])
	return s.awaitTransition()
}

// showConstraints prints what crm_resource prints of a resource's constraints.
func showConstraints(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a resource")
	}
	doc, err := s.document()
	if err != nil {
		return err
	}
	if _, err := resourceIn(doc, words[0].text); err != nil {
		return softError{err}
	}
	return resource.Constraints(doc, words[0].text, time.Now(), s.stdout)
}
