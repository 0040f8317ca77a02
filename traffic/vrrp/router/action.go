package router

import (
	"fmt"

	"holdfast/traffic/vrrp/packet"
)

// State of a virtual router on this host.
type State int

// The states; the package's documentation says what each means.
const (
	Initialize State = iota
	Backup
	Active
	Fault
)

func (s State) String() string {
	return [...]string{"initialize", "backup", "active", "fault"}[s]
}

// Action is what the caller has to do. Router names whose it is.
type Action struct {
	Router string
	Do     Do
	// Advertisement is what to send; only with Send.
	Advertisement packet.Advertisement
	// Times is how often the addresses are to be announced; only with Announce.
	Times int
	// State is the new one; only with Enter.
	State State
	// Text is what to tell the operator: why a state is entered, or what is wrong (Report).
	Text string
}

// Do is the kind of an action.
type Do int

// The kinds.
const (
	Send            Do = iota // send Advertisement to the group, or to each peer
	AddAddresses              // the virtual addresses, routes and rules, to this host
	RemoveAddresses           // and from it; nothing may be sent or announced before this is done
	Announce                  // tell the network where the addresses are
	Enter                     // the state changed: run notify programs, log
	Report                    // something is wrong with the network or another host's configuration
)

func (d Do) String() string {
	return [...]string{"send", "add addresses", "remove addresses", "announce", "enter", "report"}[d]
}

// String is the form of the transcripts.
func (a Action) String() string {
	text := a.Router + ": " + a.Do.String()
	switch a.Do {
	case Send:
		text += fmt.Sprintf(" priority %d, interval %s", a.Advertisement.Priority, a.Advertisement.Interval)
	case Enter:
		text += fmt.Sprintf(" %s: %s", a.State, a.Text)
	case Report:
		text += ": " + a.Text
	}
	return text
}
