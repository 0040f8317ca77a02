// Package peers exchanges stick-tables with other processes by version 2.1 of HAProxy's peers protocol, with HAProxy itself as well as among Holdfast's
// own.
//
// Two peers share one connection, which either may open. Its beginning are three lines of the one that opens it (the protocol, the name of
// the peer it wants to speak to, its own name) and a status of the other. Then each announces its tables as it comes to them
// (definition.go) and sends an update for each entry that changes (wire.go has messages and numbers). A peer that has come up
// asks one of the others for all it knows, and is taught. Acknowledgements tell how far one has come: after a loss
// of the connection what was not acknowledged is sent again. Who has nothing to say for three seconds sends a heartbeat, and
// who has heard nothing for five gives the connection up.
//
// On a reload the old process opens a connection to its own address, where the new one listens by then, and teaches it (HandOver).
//
// The protocol knows no secrets. Therefore a connection counts only when it comes from the address that the section has for the peer whose name it
// tells, or when the section's bind demands certificates of its clients (ssl with verify required): in networks where addresses can be
// forged, use certificates. Everything that a peer can make grow is bounded: messages, tables, arrays, names; entries by the tables' sizes.
//
// session is the protocol without connections and clocks. Goroutines of a Group, all of which Close waits for: one that accepts, one for each remote
// peer that opens connections to it, one that tells sessions of changes, and for each connection the one that serves it and one that
// reads from it.
package peers
