package crm

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// parseColocation reads
//
//	colocation ID SCORE: RESOURCE[:ROLE] WITH[:ROLE] | SETS [node-attribute=NAME]
func parseColocation(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	e := cib.NewElement("rsc_colocation", "id", id)
	score, ok := r.score()
	if !ok {
		return nil, r.fail("a score and a colon: inf:, -inf:, 100:")
	}
	setScore(e, score)
	if err := r.constrained(e, "role", [2]string{"rsc", "with-rsc"}); err != nil {
		return nil, err
	}
	if name, value, ok := r.option(); ok && name == "node-attribute" {
		r.next()
		e.Set(name, value)
	}
	return e, r.end()
}

// constrained reads the resources of a colocation or an order into e: two of them become
// attributes of those names, others resource sets.
func (r *reader) constrained(e *cib.Element, detail string, names [2]string) error {
	pair, sets, err := r.resources(detail)
	if err != nil {
		return err
	}
	for i, ref := range pair {
		e.Set(names[i], ref.resource)
		if ref.detail != "" {
			e.Set(names[i]+"-"+detail, ref.detail)
		}
	}
	count := 0
	for _, set := range sets {
		count += len(set.Children)
		e.Append(set)
	}
	if len(pair) == 0 && count == 0 {
		return r.fail("resources")
	}
	return nil
}

// pairText formats the resources of a colocation or an order.
func pairText(e *cib.Element, detail string, names [2]string) string {
	if e.Child("resource_set") != nil {
		return setsText(e, detail)
	}
	var words []string
	for _, name := range names {
		text := e.Get(name)
		if what := e.Get(name + "-" + detail); what != "" {
			text += ":" + what
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

func (f *formatter) colocation(e *cib.Element) []string {
	if lonely(e) {
		return nil
	}
	line := "colocation " + f.name(e) + " "
	if score := scoreText(e); score != "" {
		line += score + ": "
	}
	line += pairText(e, "role", [2]string{"rsc", "with-rsc"})
	if name, ok := e.Lookup("node-attribute"); ok {
		line += " node-attribute=" + quote(name)
	}
	return []string{line}
}

// parseOrder reads
//
//	order ID [KIND:|SCORE:] FIRST[:ACTION] THEN[:ACTION] | SETS [symmetrical=BOOL]
func parseOrder(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	e := cib.NewElement("rsc_order", "id", id)
	if strings.HasSuffix(r.peek(), ":") {
		kind, ok := orderKind(strings.TrimSuffix(r.peek(), ":"))
		if !ok {
			return nil, r.fail("Mandatory:, Optional:, Serialize: or a score and a colon")
		}
		r.next()
		e.Set("kind", kind)
	}
	if err := r.constrained(e, "action", [2]string{"first", "then"}); err != nil {
		return nil, err
	}
	for r.more() {
		name, value, ok := r.option()
		symmetrical, boolean := truth(value)
		if !ok || name != "symmetrical" || !boolean {
			return nil, r.fail("symmetrical=true, symmetrical=false or the end of the command")
		}
		r.next()
		e.Set(name, strconv.FormatBool(symmetrical))
	}
	return e, nil
}

// truth reads a yes or no as the words of the language have it; known is false for anything else.
func truth(text string) (value, known bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// orderKind turns a kind or a score into a kind: a score of 0 is only advice.
func orderKind(text string) (string, bool) {
	for _, kind := range []string{"Mandatory", "Optional", "Serialize"} {
		if strings.EqualFold(text, kind) {
			return kind, true
		}
	}
	score := cib.NewElement("score")
	if setScore(score, text); score.Get("score") == "" {
		return "", false
	}
	if strings.Trim(score.Get("score"), "+-0") == "" {
		return "Optional", true
	}
	return "Mandatory", true
}

func (f *formatter) order(e *cib.Element) []string {
	if lonely(e) {
		return nil
	}
	line := "order " + f.name(e) + " "
	if kind := e.Get("kind"); kind != "" {
		line += kind + ": "
	} else if score := scoreText(e); score != "" {
		line += score + ": "
	}
	line += pairText(e, "action", [2]string{"first", "then"})
	if symmetrical, ok := e.Lookup("symmetrical"); ok {
		line += " symmetrical=" + quote(symmetrical)
	}
	return []string{line}
}

// parseTicket reads: rsc_ticket ID TICKET: RESOURCE[:ROLE]… [loss-policy=POLICY]
func parseTicket(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	ticket, ok := r.score()
	if !ok {
		return nil, r.fail("the name of a ticket and a colon")
	}
	e := cib.NewElement("rsc_ticket", "id", id, "ticket", ticket)
	at := r.at
	pair, sets, err := r.resources("role")
	if err != nil {
		return nil, err
	}
	if name, value, ok := r.option(); ok && name == "loss-policy" {
		if !slices.Contains([]string{"stop", "demote", "fence", "freeze"}, strings.ToLower(value)) {
			return nil, r.fail("loss-policy=stop, demote, fence or freeze")
		}
		r.next()
		e.Set(name, value)
	}
	if pair != nil {
		c := collector{detail: "role"}
		c.add(pair[0])
		c.add(pair[1])
		sets = c.sets
	}
	switch {
	case len(sets) == 0:
		return nil, r.fail("a resource, or RESOURCE:ROLE")
	case len(sets) == 1 && len(sets[0].Children) == 1 && !slices.Contains([]string{"(", "[", setMark}, r.words[at].text):
		e.Set("rsc", sets[0].Child("resource_ref").ID())
		if role := sets[0].Get("role"); role != "" {
			e.Set("rsc-role", role)
		}
	default:
		for _, set := range sets {
			e.Append(set)
		}
	}
	return e, r.end()
}

func (f *formatter) ticket(e *cib.Element) []string {
	line := "rsc_ticket " + f.name(e) + " " + e.Get("ticket") + ": "
	if e.Child("resource_set") != nil {
		line += setsText(e, "role")
	} else {
		line += strings.TrimSpace(pairText(e, "role", [2]string{"rsc", ""}))
	}
	if policy, ok := e.Lookup("loss-policy"); ok {
		line += " loss-policy=" + quote(policy)
	}
	return []string{line}
}
