package pcs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

func bundleCommands() []command {
	const parts = "[container OPTION=VALUE...] [network OPTION=VALUE...]"
	return []command{
		{path: "resource bundle create", syntax: "ID container TYPE OPTION=VALUE... [network OPTION=VALUE...] [port-map OPTION=VALUE...]... [storage-map OPTION=VALUE...]... [meta OPTION=VALUE...] [--disabled]",
			help:     "Makes a bundle: a service in containers. Then make the service with 'pcs resource create … bundle ID'.\nExample: pcs resource bundle create web container podman image=httpd:2 replicas=2 network ip-range-start=192.0.2.10 port-map port=80",
			document: true, options: "f force disabled wait", run: createBundle},
		{path: "resource bundle reset", syntax: "ID " + parts + " [port-map OPTION=VALUE...]... [storage-map OPTION=VALUE...]... [meta OPTION=VALUE...] [--disabled]",
			help: "Gives a bundle these options alone; the service in it stays.", document: true, options: "f force disabled wait", run: resetBundle},
		{path: "resource bundle update", syntax: "ID " + parts + " [port-map add OPTION=VALUE... | delete ID...]... [storage-map add OPTION=VALUE... | delete ID...]... [meta OPTION=VALUE...]",
			help: "Changes a bundle; an empty value removes.", document: true, options: "f force wait", run: updateBundle},
	}
}

var (
	containerKinds   = []string{"docker", "podman", "rkt"}
	containerOptions = []string{"image", "masters", "network", "options", "promoted-max", "replicas", "replicas-per-host", "run-command"}
	networkOptions   = []string{"control-port", "host-interface", "host-netmask", "ip-range-start"}
	portOptions      = []string{"id", "internal-port", "port", "range"}
	storageOptions   = []string{"id", "options", "source-dir", "source-dir-root", "target-dir"}
)

// mapChange is one port-map or storage-map part of a call: a mapping to add, or the ids of those to remove.
type mapChange struct {
	add    pairs
	remove []string
}

// bundleCall is what a bundle command asks for.
type bundleCall struct {
	kind                     string // of container, "" when not given
	container, network, meta pairs
	ports, storage           []mapChange
}

// parseBundle reads the parts after the bundle's id. With changing, mappings are "add …" or "delete ID…".
func parseBundle(words []string, changing bool) (*bundleCall, error) {
	c := &bundleCall{}
	list := sections(words, "container", "network", "port-map", "storage-map", "meta")
	if len(list[0].words) > 0 {
		return nil, fmt.Errorf("'%s' stands where container, network, port-map, storage-map or meta was expected", list[0].words[0])
	}
	for _, part := range list[1:] {
		if len(part.words) == 0 {
			return nil, fmt.Errorf("'%s' has no options after it", part.keyword)
		}
	}
	for _, option := range []struct {
		keyword string
		into    *pairs
	}{{"container", &c.container}, {"network", &c.network}, {"meta", &c.meta}} {
		given, _ := gather(list, option.keyword)
		if option.keyword == "container" && !changing && len(given) > 0 && !strings.Contains(given[0], "=") {
			c.kind, given = given[0], given[1:]
		}
		var err error
		if *option.into, err = parsePairs(given); err != nil {
			return nil, err
		}
	}
	for _, part := range list[1:] {
		if part.keyword != "port-map" && part.keyword != "storage-map" {
			continue
		}
		change, err := parseMapChange(part, changing)
		if err != nil {
			return nil, err
		}
		if part.keyword == "port-map" {
			c.ports = append(c.ports, change)
		} else {
			c.storage = append(c.storage, change)
		}
	}
	return c, nil
}

func parseMapChange(part section, changing bool) (change mapChange, err error) {
	words := part.words
	if changing {
		switch verb := words[0]; {
		case (verb == "delete" || verb == "remove") && len(words) > 1:
			return mapChange{remove: words[1:]}, nil
		case verb != "add" || len(words) == 1:
			return change, fmt.Errorf("after '%s', add and options or delete and ids were expected", part.keyword)
		}
		words = words[1:]
	}
	change.add, err = parsePairs(words)
	return change, err
}

// check says what is wrong with the options of a call; with whole, what is missing, too.
func (c *bundleCall) check(s *session, r *reports, whole bool) {
	checkNames(r, "container", c.container, containerOptions)
	checkNames(r, "network", c.network, networkOptions)
	if v, given := c.container.get("image"); whole && v == "" || given && v == "" {
		r.fail("a container needs an image")
	}
	if c.container.value("masters") != "" {
		s.deprecated("masters is today promoted-max")
	}
	if c.container.value("masters") != "" && c.container.value("promoted-max") != "" {
		r.fail("masters and promoted-max are two names of one option; keep one")
	}
	for _, p := range append(slices.Clone(c.container), c.network...) {
		if p.value == "" {
			continue
		}
		number, err := strconv.Atoi(p.value)
		switch p.name {
		case "replicas", "replicas-per-host":
			if err != nil || number < 1 {
				r.fail("'%s' is not a value of %s; a whole number from 1 was expected", p.value, p.name)
			}
		case "masters", "promoted-max":
			if err != nil || number < 0 {
				r.fail("'%s' is not a value of %s; a whole number from 0 was expected", p.value, p.name)
			}
		case "control-port":
			checkPort(r, p)
		case "host-netmask":
			if err != nil || number < 1 || number > 32 {
				r.check("'%s' is not a value of host-netmask; a number of bits from 1 to 32 was expected", p.value)
			}
		}
	}
	c.checkMaps(s, r)
}

var portRange = pattern(`^\d+-\d+$`)

func (c *bundleCall) checkMaps(s *session, r *reports) {
	for _, m := range c.ports {
		if m.remove != nil {
			continue
		}
		checkNames(r, "port-map", m.add, portOptions)
		if m.add.has("port") == m.add.has("range") {
			r.fail("a port-map needs one of port and range")
		}
		if v, ok := m.add.get("range"); ok && !portRange().MatchString(v) {
			r.check("'%s' is not a range of ports such as 8000-8010", v)
		}
		if m.add.has("internal-port") && !m.add.has("port") {
			r.fail("internal-port of a port-map needs port")
		}
		for _, name := range []string{"port", "internal-port"} {
			if v, ok := m.add.get(name); ok {
				checkPort(r, pair{name, v})
			}
		}
	}
	for _, m := range c.storage {
		if m.remove != nil {
			continue
		}
		checkNames(r, "storage-map", m.add, storageOptions)
		if m.add.has("source-dir") == m.add.has("source-dir-root") {
			r.fail("a storage-map needs one of source-dir and source-dir-root")
		}
		if !m.add.has("target-dir") {
			r.fail("a storage-map needs target-dir")
		}
	}
	for _, m := range slices.Concat(c.ports, c.storage) {
		if id, ok := m.add.get("id"); ok {
			r.add(s.newID(id, "id of a mapping"))
			s.booked = append(s.booked, id)
		}
	}
}

func checkNames(r *reports, part string, given pairs, allowed []string) {
	for _, p := range given {
		if !slices.Contains(allowed, p.name) && p.value != "" {
			r.fail("'%s' is not an option of %s; options are %s", p.name, part, quoted(allowed))
		}
	}
}

func checkPort(r *reports, p pair) {
	if n, err := strconv.Atoi(p.value); err != nil || n < 1 || n > 65535 {
		r.fail("'%s' is not a value of %s; a port from 1 to 65535 was expected", p.value, p.name)
	}
}

func createBundle(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	id := s.args[0]
	c, err := parseBundle(s.args[1:], false)
	if err != nil {
		return err
	}
	r := s.reports()
	r.add(s.newID(id, "bundle name"))
	s.booked = append(s.booked, id)
	if !slices.Contains(containerKinds, c.kind) {
		r.fail("'%s' is not a kind of container; kinds are %s", c.kind, quoted(containerKinds))
	} else {
		c.check(s, r, true)
	}
	if err := r.err(); err != nil {
		return err
	}
	bundle := cib.NewElement("bundle", "id", id)
	s.fillBundle(bundle, c.kind, c)
	s.doc.EnsureSection("resources").Append(bundle)
	return nil
}

// fillBundle gives a bundle without any the options of a call.
func (s *session) fillBundle(bundle *cib.Element, kind string, c *bundleCall) {
	bundle.Append(cib.NewElement(kind))
	s.changeBundle(bundle, c)
	if len(c.meta) > 0 {
		bundle.Append(s.newSet("meta_attributes", bundle.ID()+"-meta_attributes", c.meta.sorted()))
	}
	if s.opts.has("disabled") {
		s.updateFirstSet(bundle, "meta_attributes", pairs{{"target-role", "Stopped"}})
	}
}

// changeBundle applies everything but meta attributes.
func (s *session) changeBundle(bundle *cib.Element, c *bundleCall) {
	container := containerOf(bundle)
	for _, p := range c.container {
		setOrUnset(container, p)
	}
	network := bundlePart(bundle, "network", container.Index()+1, len(c.network) > 0 || len(c.ports) > 0)
	if network != nil {
		for _, p := range c.network {
			setOrUnset(network, p)
		}
		for _, m := range c.ports {
			s.changeMaps(network, "port-mapping", m, func(p pairs) string { return "-port-map-" + p.value("port") + p.value("range") })
		}
	}
	at := container.Index() + 1
	if network != nil {
		at = network.Index() + 1
	}
	if storage := bundlePart(bundle, "storage", at, len(c.storage) > 0); storage != nil {
		for _, m := range c.storage {
			s.changeMaps(storage, "storage-mapping", m, func(pairs) string { return "-storage-map" })
		}
	}
	if network != nil && len(network.Attrs) == 0 && len(network.Children) == 0 {
		network.Remove()
	}
}

// containerOf is the element that says what runs the containers.
func containerOf(bundle *cib.Element) *cib.Element {
	for e := range bundle.Elements() {
		if slices.Contains(containerKinds, e.Name) {
			return e
		}
	}
	return nil
}

// bundlePart finds a part of a bundle, made at that place when it is wanted and missing.
func bundlePart(bundle *cib.Element, name string, at int, wanted bool) *cib.Element {
	if e := bundle.Child(name); e != nil || !wanted {
		return e
	}
	return bundle.InsertAt(at, cib.NewElement(name))
}

func setOrUnset(e *cib.Element, p pair) {
	if p.value == "" {
		e.Unset(p.name)
		return
	}
	e.Set(p.name, p.value)
}

// changeMaps adds a mapping or removes some. suffix makes the usual id of a new one.
func (s *session) changeMaps(list *cib.Element, name string, change mapChange, suffix func(pairs) string) {
	for _, id := range change.remove {
		for m := range list.All(name) {
			if m.ID() == id {
				m.Remove()
				break
			}
		}
	}
	if change.remove != nil {
		return
	}
	id := change.add.value("id")
	if id == "" {
		id = s.freeID(cleanID(list.Parent.ID() + suffix(change.add)))
		s.booked = append(s.booked, id)
	}
	m := list.Append(cib.NewElement(name, "id", id))
	for _, p := range change.add.without("id") {
		m.Set(p.name, p.value)
	}
}

func (s *session) bundle() (*cib.Element, error) {
	if len(s.args) == 0 {
		return nil, errUsage
	}
	e := s.find(s.args[0])
	if e == nil || e.Name != "bundle" || containerOf(e) == nil {
		return nil, fmt.Errorf("bundle '%s' does not exist", s.args[0])
	}
	return e, nil
}

// checkReachable refuses a service in a bundle whose network gives the cluster no way to it.
func checkReachable(r *reports, id string, network pairs) {
	if network.value("control-port") == "" && network.value("ip-range-start") == "" {
		r.check("'%s' in the bundle could not be reached: it needs control-port or ip-range-start of network", id)
	}
}

// emptyBundle takes everything out of a bundle's parts, which stay, as its resource does. The answer is its network.
func emptyBundle(bundle *cib.Element) (network *cib.Element) {
	for part := range bundle.Elements() {
		switch {
		case part.Name == "primitive":
			continue
		case part.Name == "network":
			network = part
		}
		for _, a := range slices.Clone(part.Attrs) {
			if a.Name != "id" {
				part.Unset(a.Name)
			}
		}
		part.Children = nil
	}
	return network
}

func resetBundle(s *session) error {
	bundle, err := s.bundle()
	if err != nil {
		return err
	}
	c, err := parseBundle(s.args[1:], false)
	if err != nil {
		return err
	}
	if c.kind != "" {
		return fmt.Errorf("the kind of container stays; '%s' cannot be given", c.kind)
	}
	kept := emptyBundle(bundle)
	r := s.reports()
	c.check(s, r, true)
	if err := r.err(); err != nil {
		return err
	}
	s.changeBundle(bundle, c)
	if kept != nil && bundle.Child("network") == nil {
		bundle.InsertAt(containerOf(bundle).Index()+1, kept)
	}
	if len(c.meta) > 0 {
		s.updateFirstSet(bundle, "meta_attributes", c.meta.sorted())
	}
	if s.opts.has("disabled") {
		s.updateFirstSet(bundle, "meta_attributes", pairs{{"target-role", "Stopped"}})
	}
	return nil
}

func updateBundle(s *session) error {
	bundle, err := s.bundle()
	if err != nil {
		return err
	}
	c, err := parseBundle(s.args[1:], true)
	if err != nil {
		return err
	}
	r := s.reports()
	c.check(s, r, false)
	container := containerOf(bundle)
	for _, two := range [][2]string{{"masters", "promoted-max"}, {"promoted-max", "masters"}} {
		other, changed := c.container.get(two[1])
		if c.container.value(two[0]) != "" && container.Get(two[1]) != "" && (!changed || other != "") {
			r.fail("%s cannot be set while %s is; clear it with %s=", two[0], two[1], two[1])
		}
	}
	for _, m := range slices.Concat(c.ports, c.storage) {
		for _, id := range m.remove {
			if e := s.find(id); e == nil || e.Name != "port-mapping" && e.Name != "storage-mapping" {
				r.fail("mapping '%s' does not exist", id)
			}
		}
	}
	if e := inside(bundle); e != nil {
		network := attributesOf(bundle.Child("network"))
		for _, p := range c.network {
			network = network.with(p.name, p.value)
		}
		checkReachable(r, e.ID(), network)
	}
	if err := r.err(); err != nil {
		return err
	}
	s.changeBundle(bundle, c)
	if len(c.meta) > 0 {
		s.updateFirstSet(bundle, "meta_attributes", c.meta.sorted())
	}
	return nil
}
