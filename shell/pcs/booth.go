package pcs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/atomicfile"
	"holdfast/cluster/node/client"
)

func boothCommands() []command {
	const files = "name booth-conf booth-key force"
	return []command{
		{path: "booth config", syntax: "[HOST]", help: "Shows booth's configuration, of this host or of another.", options: "name booth-conf booth-key", run: showBooth},
		{path: "booth setup", syntax: "sites ADDRESS ADDRESS... [arbitrators ADDRESS...]", help: "Writes booth's configuration and key.", options: files, run: setUpBooth},
		{path: "booth ticket add", syntax: "TICKET [OPTION=VALUE]...", help: "Adds a ticket.", options: files, run: addBoothTicket},
		{path: "booth ticket delete", syntax: "TICKET", help: "Removes a ticket.", options: files, run: removeBoothTicket},
		{path: "booth ticket remove", options: files, run: removeBoothTicket},
	}
}

// boothTicketOptions are what booth's manual lets a ticket have. Options of the whole file cannot stand there.
var (
	boothTicketOptions = []string{"acquire-after", "attr-prereq", "before-acquire-handler", "expire", "mode", "renewal-freq", "retries", "timeout", "weights"}
	boothGlobalOptions = []string{"arbitrator", "authfile", "debug", "maxtimeskew", "name", "port", "site", "site-group", "site-user", "ticket", "transport", "arbitrator-group", "arbitrator-user"}
)

const boothKeyBytes = 64

// boothTicket is a ticket of booth.conf with the lines below it.
type boothTicket struct {
	name    string
	options []string // lines as they stand
}

// boothConf is booth.conf: lines before the first ticket, then tickets.
type boothConf struct {
	head    []string
	tickets []boothTicket
}

func parseBooth(text string) *boothConf {
	c := &boothConf{}
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch {
		case strings.TrimSpace(name) == "ticket":
			c.tickets = append(c.tickets, boothTicket{name: strings.Trim(strings.TrimSpace(value), `"'`)})
		case len(c.tickets) > 0:
			last := &c.tickets[len(c.tickets)-1]
			last.options = append(last.options, line)
		default:
			c.head = append(c.head, line)
		}
	}
	return c
}

func (c *boothConf) String() string {
	lines := slices.Clone(c.head)
	for _, t := range c.tickets {
		lines = append(append(lines, fmt.Sprintf("ticket = %q", t.name)), t.options...)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (c *boothConf) write(path string) error {
	if err := atomicfile.Rewrite(path, []byte(c.String()), 0o640); err != nil {
		return fmt.Errorf("write booth's configuration: %w", err)
	}
	return nil
}

func (c *boothConf) find(name string) int {
	return slices.IndexFunc(c.tickets, func(t boothTicket) bool { return t.name == name })
}

// boothFiles are where booth's configuration and key are: named by options, or in /etc/booth.
func (s *session) boothFiles() (conf, key string, err error) {
	conf, key = s.opts["booth-conf"], s.opts["booth-key"]
	if (conf == "") != (key == "") {
		return "", "", errors.New("--booth-conf and --booth-key belong together")
	}
	if conf == "" {
		name := s.opts["name"]
		if name == "" {
			name = "booth"
		}
		conf = filepath.Join(client.Root(""), "etc/booth", name+".conf")
		key = filepath.Join(client.Root(""), "etc/booth", name+".key")
	}
	return conf, key, nil
}

func (s *session) booth() (*boothConf, string, error) {
	path, _, err := s.boothFiles()
	if err != nil {
		return nil, "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("read booth's configuration: %w; 'pcs booth setup' makes one", err)
	}
	return parseBooth(string(text)), path, nil
}

func showBooth(s *session) error {
	if len(s.args) == 1 {
		files, err := s.boothOf(s.args[0])
		if err != nil {
			return err
		}
		s.printf("%s", parseBooth(string(files[s.boothShared()[0]])))
		return nil
	}
	conf, _, err := s.booth()
	if err != nil {
		return err
	}
	s.printf("%s", conf)
	return nil
}

func setUpBooth(s *session) error {
	parts := sections(s.args, "sites", "arbitrators")
	sites, given := gather(parts, "sites")
	arbitrators, _ := gather(parts, "arbitrators")
	if len(parts[0].words) > 0 || !given {
		return errUsage
	}
	confPath, keyPath, err := s.boothFiles()
	if err != nil {
		return err
	}
	r := s.reports()
	if len(sites) < 2 {
		r.fail("a booth has at least two sites")
	}
	if (len(sites)+len(arbitrators))%2 == 0 {
		r.fail("the number of sites and arbitrators has to be odd; there are %d", len(sites)+len(arbitrators))
	}
	seen := map[string]bool{}
	for _, address := range slices.Concat(sites, arbitrators) {
		if seen[address] {
			r.fail("address '%s' is given twice", address)
		}
		seen[address] = true
	}
	for _, path := range []string{confPath, keyPath} {
		if _, err := os.Stat(path); err == nil {
			r.check("%s exists already", path)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	conf := &boothConf{head: []string{"authfile = " + keyPath}}
	for _, address := range sites {
		conf.head = append(conf.head, "site = "+address)
	}
	for _, address := range arbitrators {
		conf.head = append(conf.head, "arbitrator = "+address)
	}
	key := make([]byte, boothKeyBytes)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make booth's key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(keyPath), 0o755); err != nil {
		return fmt.Errorf("make the directory of booth's key: %w", err)
	}
	if err := atomicfile.Write(keyPath, key, 0o600); err != nil {
		return fmt.Errorf("write booth's key: %w", err)
	}
	return conf.write(confPath)
}

func addBoothTicket(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	options, err := parsePairs(s.args[1:])
	if err != nil {
		return err
	}
	conf, path, err := s.booth()
	if err != nil {
		return err
	}
	r := s.reports()
	ticket := boothTicket{name: s.args[0]}
	r.add(checkTicketName(ticket.name))
	if conf.find(ticket.name) >= 0 {
		r.fail("ticket '%s' exists already", ticket.name)
	}
	for _, o := range options {
		switch {
		case slices.Contains(boothGlobalOptions, o.name):
			r.fail("'%s' is not an option of a ticket but of the whole file; options are %s", o.name, quoted(boothTicketOptions))
		case !slices.Contains(boothTicketOptions, o.name):
			r.check("'%s' is not an option of a ticket; options are %s", o.name, quoted(boothTicketOptions))
		}
		if o.value == "" || strings.ContainsAny(o.value, "\n\r") {
			r.fail("option '%s' needs a value on one line", o.name)
		}
		ticket.options = append(ticket.options, "  "+o.name+" = "+o.value)
	}
	if err := r.err(); err != nil {
		return err
	}
	conf.tickets = append(conf.tickets, ticket)
	return conf.write(path)
}

func removeBoothTicket(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	conf, path, err := s.booth()
	if err != nil {
		return err
	}
	i := conf.find(s.args[0])
	if i < 0 {
		return fmt.Errorf("ticket '%s' does not exist", s.args[0])
	}
	conf.tickets = slices.Delete(conf.tickets, i, i+1)
	return conf.write(path)
}
