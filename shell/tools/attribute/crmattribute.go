package attribute

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/result"
)

var attributeSpecs = []option.Spec{
	{Long: "name", Short: 'n', Arg: option.Required, Help: "the attribute or option"},
	{Long: "attr-name", Arg: option.Required, Help: "the same"},
	{Long: "pattern", Short: 'P', Arg: option.Required, Value: "REGEX", Help: "every attribute whose name matches"},
	{Long: "promotion", Short: 'p', Arg: option.Optional, Value: "RESOURCE", Help: "the promotion score of a resource, or of the one whose agent calls"},
	{Long: "id", Short: 'i', Arg: option.Required, Help: "id of the attribute's XML element"},
	{Long: "attr-id", Arg: option.Required, Help: "the same"},
	{Long: "set-name", Short: 's', Arg: option.Required, Value: "ID", Help: "id of the set that it stands in"},
	{Long: "query", Short: 'G', Help: "print the value"},
	{Long: "get-value", Help: "the same"},
	{Long: "update", Short: 'v', Arg: option.Required, Help: "give it a value; value++ and value+=N count"},
	{Long: "attr-value", Arg: option.Required, Help: "the same"},
	{Long: "delete", Short: 'D', Help: "remove it"},
	{Long: "delete-attr", Help: "the same"},
	{Long: "default", Short: 'd', Arg: option.Required, Help: "what to print when there is none"},
	{Long: "lifetime", Short: 'l', Arg: option.Required, Help: "reboot: until the host leaves; forever: configuration"},
	{Long: "node", Short: 'N', Arg: option.Required, Value: "HOST", Help: "whose attribute"},
	{Long: "uname", Short: 'U', Arg: option.Required, Help: "the same"},
	{Long: "node-uname", Arg: option.Required, Help: "the same"},
	{Long: "type", Short: 't', Arg: option.Required, Value: "SECTION", Help: "crm_config (default without a host), rsc_defaults, op_defaults, tickets, nodes (forever), status (reboot); goes before --lifetime"},
	{Long: "utilization", Short: 'z', Help: "a utilization attribute of the host"},
	{Long: "inhibit-policy-engine", Short: '!', Help: "accepted"},
}

// CRMAttribute is crm_attribute.
func CRMAttribute(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	return runAttribute("crm_attribute", args, stdout, stderr)
}

// request is what a call of crm_attribute asks for.
type request struct {
	selector
	place
	value string
}

func runAttribute(name string, args []string, stdout, stderr io.Writer) int {
	t := &tool{name: name, args: args, stdout: stdout, stderr: stderr}
	if status, ok := t.parse(attributeSpecs, "read and write cluster options and host attributes",
		"crm_attribute --name cluster-delay --query",
		"crm_attribute --node alice --name rack --update r1",
		"crm_attribute --node alice --name pingd --update 100 --lifetime reboot"); !ok {
		return status
	}
	out, closeIt, err := result.Destination(t.line.Get("output-to"), stdout)
	if err != nil {
		return t.fail(err)
	}
	t.stdout = out
	status, err := t.attribute()
	if closed := closeIt(); err == nil && closed != nil {
		err = closed
	}
	if err != nil {
		return t.fail(err)
	}
	return status
}

func (t *tool) attribute() (int, error) {
	if err := t.open(); err != nil {
		return 0, err
	}
	r, err := t.request()
	if err != nil {
		return 0, err
	}
	value, update := t.line.Lookup("update")
	if !update {
		value, update = t.line.Lookup("attr-value")
	}
	r.value = value
	remove := t.line.Has("delete") || t.line.Has("delete-attr")
	if r.pattern != nil && r.scope != "status" && (update || remove) {
		return 0, fmt.Errorf("%w: --pattern changes attributes of --lifetime=reboot alone; others can be queried by it", exit.ErrUsage)
	}
	switch {
	case update:
		return exit.OK, t.update(r)
	case remove:
		return exit.OK, t.remove(r)
	}
	return t.query(r)
}

// request works out which attribute is meant, and where it lives.
func (t *tool) request() (request, error) {
	get := t.line.Get
	r := request{selector: selector{name: cmp.Or(get("name"), get("attr-name")), id: cmp.Or(get("id"), get("attr-id")), set: get("set-name")}}
	lifetime := get("lifetime")
	if resource, ok := t.line.Lookup("promotion"); ok {
		if resource == "" && len(t.line.Words) > 0 {
			resource = t.line.Words[0] // "-p web" as well as "-pweb"
		}
		if resource = cmp.Or(resource, os.Getenv("OCF_RESOURCE_INSTANCE")); resource == "" {
			return r, fmt.Errorf("%w: --promotion needs a resource, or to be called by a resource agent", exit.ErrUsage)
		}
		r.name = "master-" + resource
		if lifetime == "" {
			lifetime = "reboot"
		}
	}
	if pattern := get("pattern"); pattern != "" {
		expression, err := regexp.Compile(pattern)
		if err != nil {
			return r, fmt.Errorf("%w: --pattern: %w", exit.ErrUsage, err)
		}
		r.name, r.pattern = "", expression
	}
	host := cmp.Or(get("node"), get("uname"), get("node-uname"))
	err := t.locate(&r, host, cmp.Or(get("type"), lifetime))
	return r, err
}

// locate works out the section: the one named, utilization's, the lifetime's, or that of hosts when a
// host is named and that of the cluster's options when none is. Only the cluster's options and tickets
// are nobody's: the defaults too are set on behalf of a host that the configuration has.
func (t *tool) locate(r *request, host, section string) error {
	utilization := t.line.Has("utilization")
	switch {
	case utilization || section == "" && host != "":
		section = "nodes"
	case section == "" || section == "crm_config" || section == "tickets":
		r.place, _ = optionPlace(cmp.Or(section, "crm_config"))
		return nil
	}
	name, id, err := t.host(host)
	if err != nil {
		return err
	}
	switch section {
	case "nodes", "forever":
		r.place = hostPlace(name, id, false, utilization)
		return nil
	case "status", "reboot":
		r.place = hostPlace(name, id, true, false)
		return nil
	}
	if r.place, err = optionPlace(section); err != nil {
		return fmt.Errorf("%w: %w", exit.ErrProtocol, err)
	}
	return nil
}

func (t *tool) query(r request) (int, error) {
	found := r.find(t.doc, r.selector)
	type shown struct{ name, value string }
	var all []shown
	if beside := r.find(t.doc, selector{id: r.id, set: r.set}); r.pattern != nil && len(found) == 0 && len(beside) == 1 {
		return exit.OK, nil // the only attribute there is another
	}
	for _, pair := range found {
		all = append(all, shown{pair.Get("name"), pair.Get("value")})
	}
	if value, ok := t.line.Lookup("default"); ok && len(all) == 0 && r.pattern == nil {
		all = append(all, shown{r.name, value})
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("attribute %s in section %s: %w", cmp.Or(r.name, r.id, "(any)"), r.scope, cib.ErrNotFound)
	}
	xml := t.line.Get("output-as") == "xml"
	if xml {
		fmt.Fprintf(t.stdout, "<pacemaker-result api-version=\"2.25\" request=\"%s\">\n", escape(strings.Join(append([]string{t.name}, t.args...), " ")))
	}
	id, idXML := "", ""
	if r.id != "" {
		id, idXML = "id="+r.id, fmt.Sprintf(" id=\"%s\"", escape(r.id))
	}
	for _, a := range all {
		switch {
		case xml:
			fmt.Fprintf(t.stdout, "  <attribute name=\"%s\" value=\"%s\" scope=\"%s\"%s/>\n", escape(a.name), escape(a.value), r.scope, idXML)
		case t.line.Has("quiet"):
			fmt.Fprintln(t.stdout, a.value)
		default:
			fmt.Fprintf(t.stdout, "scope=%s %s name=%s value=%s\n", r.scope, id, a.name, a.value)
		}
	}
	if xml {
		fmt.Fprint(t.stdout, "  <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>\n")
	}
	return exit.OK, nil
}

// escape makes text fit for an XML attribute.
func escape(s string) string {
	text := strings.TrimSpace(cib.NewElement("a", "v", s).String())
	return strings.TrimSuffix(strings.TrimPrefix(text, `<a v="`), `"/>`)
}

func (t *tool) update(r request) error {
	if r.name == "" && r.id == "" && r.pattern == nil {
		return fmt.Errorf("%w: --name says which attribute to update", exit.ErrUsage)
	}
	if r.scope == "status" && t.src.Live() {
		return t.each(r, func(name string) error {
			return t.setTransient(client.AttributeUpdate{Attribute: client.Attribute{Name: name, Host: r.hostName, Value: counting(r.value), Set: r.set}})
		})
	}
	if r.pattern != nil {
		return nil // the daemon changes attributes by pattern, and a file has none
	}
	return t.src.Change(t.cause(), func(doc *cib.Document) error { return r.put(doc, r.selector, r.value) })
}

// counting writes an update that counts as the daemon takes it.
func counting(value string) string {
	if rest, ok := strings.CutPrefix(value, "value"); ok && (rest == "++" || strings.HasPrefix(rest, "+=")) {
		return rest
	}
	return value
}

// each calls do with every attribute that is meant: the one named, or those that exist.
func (t *tool) each(r request, do func(name string) error) error {
	if r.name != "" {
		return do(r.name)
	}
	for _, pair := range r.find(t.doc, r.selector) {
		if err := do(pair.Get("name")); err != nil {
			return err
		}
	}
	return nil
}

func (t *tool) setTransient(update client.AttributeUpdate) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return client.New("").SetAttribute(ctx, update)
}

func (t *tool) remove(r request) error {
	found := r.find(t.doc, r.selector)
	if r.scope == "status" && t.src.Live() {
		return t.each(r, func(name string) error {
			return t.setTransient(client.AttributeUpdate{Attribute: client.Attribute{Name: name, Host: r.hostName}, Delete: true})
		})
	}
	switch {
	case len(found) == 0 || r.pattern != nil:
		return nil
	case len(found) > 1:
		fmt.Fprintf(t.stdout, "Multiple attributes match name=%s\n", r.name)
		for _, pair := range found {
			fmt.Fprintf(t.stdout, "  Value: %s \t(id=%s)\n", pair.Get("value"), pair.ID())
		}
		fmt.Fprintln(t.stdout)
		return nil
	}
	set := ""
	if r.set != "" {
		set = " set=" + r.set
	}
	err := t.src.Change(t.cause(), func(doc *cib.Document) error {
		for _, pair := range r.find(doc, r.selector) {
			pair.Remove()
		}
		return nil
	})
	if err != nil {
		return err
	}
	what := "attribute"
	if r.hostID == "" {
		what = "option"
	}
	for _, pair := range found {
		fmt.Fprintf(t.stdout, "Deleted %s %s: id=%s%s name=%s\n", r.scope, what, pair.ID(), set, pair.Get("name"))
	}
	return nil
}
