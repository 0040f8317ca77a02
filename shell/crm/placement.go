package crm

import (
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
	doc, err := s.document()
	if err != nil {
		return err
	}
	w, err := parseWhereTo(doc, words)
	if err != nil {
		return err
	}
	args := []string{"--quiet", map[string]string{"prefer": "--move", "ban": "--ban"}[how], "--resource=" + w.resource}
	onto := ""
	if w.node != "" {
		args, onto = append(args, "--node="+w.node), " to "+w.node
	}
	if w.lifetime != "" {
		args = append(args, "--lifetime="+w.lifetime)
	}
	if w.force {
		args = append(args, "--force")
	}
	if err := s.crmResource("resource "+how, args...); err != nil {
		return err
	}
	s.info("%s constraint created for %s%s", map[string]string{"prefer": "Move", "ban": "Ban"}[how], w.resource, onto)
	s.info("Use `crm resource clear %s` to remove this constraint", w.resource)
	return s.awaitTransition()
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
