package scheduler

import (
	"slices"
	"strconv"
	"time"

	"holdfast/cluster/cib"
)

// ticket is a permission that is granted to one site of several.
type ticket struct {
	name             string
	granted, standby bool
	lastGranted      time.Time
	attributes       []Param
}

// ticketNamed returns a ticket, making it (not granted) when it is not known.
func (c *cluster) ticketNamed(name string) *ticket {
	t := c.tickets[name]
	if t == nil {
		t = &ticket{name: name}
		c.tickets[name] = t
		at, _ := slices.BinarySearch(c.ticketNames, name)
		c.ticketNames = slices.Insert(c.ticketNames, at, name)
	}
	return t
}

// unpackTickets reads the state of tickets.
func (c *cluster) unpackTickets(status *cib.Element) {
	tickets := status.Child("tickets")
	for e := range tickets.All("ticket_state") {
		if e.ID() == "" {
			continue
		}
		t := c.ticketNamed(e.ID())
		for _, a := range e.Attrs {
			switch a.Name {
			case "id":
			case "granted":
				t.granted = cib.ParseBool(a.Value, false)
			case "standby":
				t.standby = cib.ParseBool(a.Value, false)
			case "last-granted":
				if n, err := strconv.ParseInt(a.Value, 10, 64); err == nil && n > 0 {
					t.lastGranted = time.Unix(n, 0)
				}
			default:
				t.attributes = append(t.attributes, Param{a.Name, a.Value})
			}
		}
	}
}
