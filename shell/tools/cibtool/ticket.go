package cibtool

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/tableorder"
)

var ticketOptions = append([]option.Spec{
	{Long: "info", Short: 'l', Help: "list the tickets, or the one of --ticket"},
	{Long: "details", Short: 'L', Help: "list them with all their attributes"},
	{Long: "raw", Short: 'w', Help: "list their ids"},
	{Long: "query-xml", Short: 'q', Help: "print their state as XML"},
	{Long: "constraints", Short: 'c', Help: "print the rsc_ticket constraints"},
	{Long: "grant", Short: 'g', Help: "give the ticket to this site (needs --force)"},
	{Long: "revoke", Short: 'r', Help: "take the ticket from this site (needs --force)"},
	{Long: "standby", Short: 's', Help: "stop what depends on the ticket in good order"},
	{Long: "activate", Short: 'a', Help: "end the standby"},
	{Long: "get-attr", Short: 'G', Arg: option.Required, Value: "NAME", Help: "print an attribute"},
	{Long: "set-attr", Short: 'S', Arg: option.Required, Value: "NAME", Help: "set an attribute to --attr-value"},
	{Long: "delete-attr", Short: 'D', Arg: option.Required, Value: "NAME", Help: "remove an attribute"},
	{Long: "cleanup", Short: 'C', Help: "forget the ticket's state"},
	{Long: "attr-value", Short: 'v', Arg: option.Required, Value: "VALUE", Help: "the value for --set-attr"},
	{Long: "default", Short: 'd', Arg: option.Required, Value: "VALUE", Help: "what --get-attr prints for an attribute that is not set"},
	{Long: "force", Short: 'f', Help: "do what another site may contradict"},
	{Long: "ticket", Short: 't', Arg: option.Required, Value: "ID", Help: "the ticket meant"},
	{Long: "set-name", Short: 'n', Arg: option.Required, Value: "ID", Help: "accepted"},
	{Long: "nvpair", Short: 'i', Arg: option.Required, Value: "ID", Help: "accepted"},
	{Long: "quiet", Short: 'Q', Help: "accepted"},
}, standardOptions...)

// ticketCall is one call of crm_ticket.
type ticketCall struct {
	*command
	src   source.Source
	doc   *cib.Document
	id    string       // of the ticket meant, or ""
	state *cib.Element // its <ticket_state>; nil when it has none
}

// Ticket is crm_ticket: it shows and changes the tickets that a site of several holds.
func Ticket(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &ticketCall{command: &command{name: "crm_ticket", args: args, stdin: stdin, stdout: stdout, stderr: stderr}}
	usage := func(w io.Writer) {
		option.Usage(w, c.name, "show and change the tickets of this site", ticketOptions,
			"crm_ticket --info", "crm_ticket --ticket siteA --constraints", "crm_ticket --ticket siteA --standby",
			"crm_ticket --ticket siteA --grant --force")
	}
	if status, done := c.begin(ticketOptions, usage); done {
		return status
	}
	commands := []string{"info", "details", "raw", "query-xml", "constraints", "grant", "revoke", "standby", "activate",
		"get-attr", "set-attr", "delete-attr", "cleanup"}
	what := ""
	for _, o := range c.line.Options {
		if slices.Contains(commands, o.Name) {
			what = o.Name
		}
	}
	if what == "" {
		fmt.Fprintf(stderr, "%s: say what to do, such as --info; '%s --help' lists the options\n", c.name, c.name)
		return exit.Usage
	}
	c.id = c.line.Get("ticket")
	if c.id == "" && slices.Index(commands, what) > slices.Index(commands, "constraints") {
		fmt.Fprintf(stderr, "%s: --%s needs a ticket: name it with --ticket\n", c.name, what)
		if what == "get-attr" {
			return exit.NoSuch
		}
		return exit.Usage
	}
	var err error
	if c.src, err = c.open(); err == nil {
		c.doc, err = c.src.Load()
	}
	if err != nil {
		return c.fail(err)
	}
	for _, e := range c.states() {
		if e.ID() == c.id {
			c.state = e
		}
	}
	return c.run(what)
}

func (c *ticketCall) run(what string) int {
	switch what {
	case "info", "details", "raw":
		return c.list(what)
	case "query-xml":
		return c.queryState()
	case "constraints":
		return c.showConstraints()
	case "get-attr":
		return c.getAttribute(c.line.Get("get-attr"))
	case "cleanup":
		return c.forget()
	}
	return c.edit()
}

func (c *ticketCall) states() []*cib.Element {
	return slices.Collect(c.doc.Section("status").Child("tickets").All("ticket_state"))
}

// constraints are the constraints that depend on the ticket meant, or on any.
func (c *ticketCall) constraints() []*cib.Element {
	var found []*cib.Element
	for e := range c.doc.Section("constraints").Descendants() {
		if e.Name == "rsc_ticket" && (c.id == "" || e.Get("ticket") == c.id) {
			found = append(found, e)
		}
	}
	return found
}

// tickets are those that have a state and those that constraints name, each once.
func (c *ticketCall) tickets() []*cib.Element {
	var found []*cib.Element
	add := func(id string, state *cib.Element) {
		known := slices.ContainsFunc(found, func(e *cib.Element) bool { return e.ID() == id })
		if !known && (c.id == "" || c.id == id) {
			found = append(found, state)
		}
	}
	for _, e := range c.states() {
		add(e.ID(), e)
	}
	for _, e := range c.constraints() {
		add(e.Get("ticket"), cib.NewElement("ticket_state", "id", e.Get("ticket")))
	}
	return found
}

func (c *ticketCall) noSuch() int {
	fmt.Fprintf(c.stderr, "%s: there is no ticket %q: neither a state nor a constraint names it\n", c.name, c.id)
	return exit.NoSuch
}

// ListTickets writes the tickets of a document with all their attributes, a line each.
func ListTickets(w io.Writer, doc *cib.Document) {
	(&ticketCall{command: &command{stdout: w}, doc: doc}).list("details")
}

func (c *ticketCall) list(what string) int {
	tickets := c.tickets()
	if len(tickets) == 0 && c.id != "" {
		return c.noSuch()
	}
	for _, t := range tickets {
		if what == "raw" {
			fmt.Fprintln(c.stdout, t.ID())
			continue
		}
		granted, standby := "revoked", ""
		if cib.ParseBool(t.Get("granted"), false) {
			granted = "granted"
		}
		if cib.ParseBool(t.Get("standby"), false) {
			standby = "[standby]"
		}
		fmt.Fprintf(c.stdout, "%s\t%s %-9s", t.ID(), granted, standby)
		var names, said []string
		for _, a := range t.Attrs {
			if a.Name != "id" && (a.Name == "last-granted" || what == "details") {
				names = append(names, a.Name)
			}
		}
		for _, name := range tableorder.Of(names) {
			value := t.Get(name)
			if name == "last-granted" {
				seconds, err := strconv.ParseInt(value, 10, 64)
				if err != nil {
					continue
				}
				value = "'" + time.Unix(seconds, 0).Format(time.ANSIC) + "'"
			}
			said = append(said, name+"="+value)
		}
		switch {
		case len(said) > 0 && what == "details":
			fmt.Fprintf(c.stdout, " (%s)", strings.Join(said, ", "))
		case len(said) > 0:
			fmt.Fprintf(c.stdout, " %s", said[0])
		}
		fmt.Fprintln(c.stdout)
	}
	return exit.OK
}

func (c *ticketCall) queryState() int {
	e := c.doc.Section("status").Child("tickets")
	if c.id != "" {
		e = c.state
	}
	if e == nil {
		return c.noSuch()
	}
	fmt.Fprintf(c.stdout, "State XML:\n\n%s", e.Escaped())
	return exit.OK
}

func (c *ticketCall) showConstraints() int {
	found := c.constraints()
	if len(found) == 0 {
		fmt.Fprintf(c.stderr, "%s: no constraint depends on that ticket\n", c.name)
		return exit.NoSuch
	}
	shown := found[0]
	if len(found) > 1 {
		shown = cib.NewElement("xpath-query")
		for _, e := range found {
			shown.Append(e.Clone())
		}
	}
	fmt.Fprintf(c.stdout, "Constraints XML:\n\n%s", shown.Escaped())
	return exit.OK
}

func (c *ticketCall) getAttribute(name string) int {
	value, ok := "", false
	if c.state != nil {
		value, ok = c.state.Lookup(name)
	}
	if !ok {
		value, ok = c.line.Lookup("default")
	}
	if !ok {
		return exit.NoSuch
	}
	fmt.Fprintln(c.stdout, value)
	return exit.OK
}

func (c *ticketCall) forget() int {
	if c.state == nil {
		if c.line.Has("force") || len(c.tickets()) > 0 { // a ticket that only constraints name has nothing to forget
			return exit.OK
		}
		return c.noSuch()
	}
	if cib.ParseBool(c.state.Get("granted"), false) && !c.line.Has("force") {
		return c.refuse("forgetting a granted ticket revokes it")
	}
	request := cib.Request{Op: cib.OpDelete, Section: "status", Input: cib.NewElement("ticket_state", "id", c.id)}
	if _, err := c.src.Apply(request, c.cause()); err != nil {
		return c.fail(err)
	}
	fmt.Fprintf(c.stdout, "Cleaned up %s\n", c.id)
	return exit.OK
}

func (c *ticketCall) refuse(why string) int {
	fmt.Fprintf(c.stderr, "%s: ticket %s stays as it is: %s; --force does it all the same\n", c.name, c.id, why)
	return exit.NoPermission
}

// ticketChange is one attribute of a ticket that a call sets or removes.
type ticketChange struct {
	name, value string
	remove      bool
}

// changes are what the options ask for, in their order. --attr-value belongs to the --set-attr before it.
func (c *ticketCall) changes() []ticketChange {
	var all []ticketChange
	for _, o := range c.line.Options {
		switch o.Name {
		case "grant":
			all = append(all, ticketChange{name: "granted", value: "true"})
		case "revoke":
			all = append(all, ticketChange{name: "granted", value: "false"})
		case "standby":
			all = append(all, ticketChange{name: "standby", value: "true"})
		case "activate":
			all = append(all, ticketChange{name: "standby", value: "false"})
		case "delete-attr":
			all = append(all, ticketChange{name: o.Value, remove: true})
		case "set-attr":
			all = append(all, ticketChange{name: o.Value})
		case "attr-value":
			if n := len(all); n > 0 && all[n-1].value == "" && !all[n-1].remove {
				all[n-1].value = o.Value
			}
		}
	}
	return all
}

// edit carries out the commands that change attributes.
func (c *ticketCall) edit() int {
	changes := c.changes()
	for _, change := range changes {
		switch {
		case change.value == "" && !change.remove:
			fmt.Fprintf(c.stderr, "%s: --set-attr %s needs its value: give it with --attr-value\n", c.name, change.name)
			return exit.Usage
		case change.name != "granted" || c.line.Has("force"):
		case cib.ParseBool(change.value, false):
			return c.refuse("this site cannot see whether another one holds it")
		default:
			return c.refuse("without it what depends on it follows its loss-policy (see --constraints; --standby stops in good order)")
		}
	}
	return c.store(changes)
}

func (c *ticketCall) store(changes []ticketChange) int {
	state := cib.NewElement("ticket_state", "id", c.id)
	if c.state != nil {
		state = c.state.Clone()
	}
	before := state.Clone()
	for _, change := range changes {
		if change.remove {
			state.Unset(change.name)
			continue
		}
		if change.name == "granted" && cib.ParseBool(change.value, false) && !cib.ParseBool(state.Get("granted"), false) {
			state.Set("last-granted", strconv.FormatInt(time.Now().Unix(), 10))
		}
		state.Set(change.name, change.value)
	}
	if slices.Equal(before.Attrs, state.Attrs) && changes[len(changes)-1].remove {
		return exit.OK
	}
	request := cib.Request{Op: cib.OpReplace, Section: "status", Input: state}
	if c.state == nil {
		tickets := cib.NewElement("tickets")
		tickets.Append(state)
		request = cib.Request{Op: cib.OpModify, Section: "status", Input: tickets, AllowCreate: true}
	}
	if _, err := c.src.Apply(request, c.cause()); err != nil {
		return c.fail(err)
	}
	return exit.OK
}
