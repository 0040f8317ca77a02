package stats

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"holdfast/traffic/proxy/certificate"
)

var errNoTickets = errors.New("unable to locate referenced filename")

// ticketFile finds a file of keys by its name or as #NUMBER.
func (s *Server) ticketFile(name string) (number int, k *certificate.Tickets, err error) {
	for i, k := range s.certificates().TicketFiles() {
		if name == k.Name || name == "#"+strconv.Itoa(i) {
			return i, k, nil
		}
	}
	return 0, nil, errNoTickets
}

func (s *Server) showTickets(w io.Writer, args []string) error {
	all := s.certificates().TicketFiles()
	if len(args) == 0 {
		fmt.Fprintln(w, "# id (file)")
		for i, k := range all {
			fmt.Fprintf(w, "%d (%s)\n", i, k.Name)
		}
		return nil
	}
	first, last := 0, len(all)-1
	if args[0] != "*" {
		number, _, err := s.ticketFile(args[0])
		if err != nil {
			return fmt.Errorf("'show tls-keys' %w", err)
		}
		first, last = number, number
	}
	fmt.Fprintln(w, "# id secret")
	for i := first; i <= last; i++ {
		fmt.Fprintf(w, "# %d (%s)\n", i, all[i].Name)
		for n, key := range s.certificates().TicketKeys(all[i]) {
			fmt.Fprintf(w, "%d.%d %s\n", i, n, key)
		}
	}
	return nil
}

func (s *Server) setTicket(w io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("'set ssl tls-key' expects a filename and the new TLS key in base64 encoding")
	}
	_, k, err := s.ticketFile(args[0])
	if err != nil {
		return fmt.Errorf("'set ssl tls-key' %w", err)
	}
	if s.certificates().AddTicketKey(k, args[1]) != nil {
		return errors.New("'set ssl tls-key' received invalid base64 encoded TLS key")
	}
	fmt.Fprintln(w, "TLS ticket key updated!")
	return nil
}
