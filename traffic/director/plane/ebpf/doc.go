// Package ebpf is our own data plane: programs that the kernel runs on packets as they come in, before anything else looks at them.
//
// # The model
//
// One program (bpf/director.c) is in front of every interface with an Ethernet header, by the traffic control hook (tcx; before Linux 6.6 as
// a filter of clsact); segmentation and checksum offloading stay what they are. It looks up whether a packet is for a service, finds the packet's connection or chooses a server, rewrites the
// packet, asks the kernel's routing for the way, and sends it on; the rest of the kernel never sees it. The kernel has to forward packets
// (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding).
//
// Where a driver gains by it (express.go), or where it was asked for by name, the driver itself runs a second program (bpf/express.h, native XDP) on packets that need nothing but another
// address: those of a connection that is in order, on a way that is known. It leaves all others to the first one. So both come to the same.
//
// The table (services, a directory of their addresses, servers, slots) is arrays that the programs and every process of ours see as memory (layout.go has the layouts): there is no
// other copy. Each service has a table of slots, numbered places that hold servers; a scheduler draws a number. A change writes a new table beside
// the old one and puts it in force by storing one word. Maps that are too small are replaced, with the programs, by larger ones (grow); connections
// stay where they are. Programs, maps and their links to interfaces are kept in the kernel's file system for them (place), so that the plane goes on
// when the process ends. A lock there lets several processes work on one table.
//
// A connection is one slot of a hash table that is an array, and one cache line (bpf/flow.h): all that its packets need. It is found from both sides, as its place
// is told by the client's address and port alone: a packet of the client's names the virtual address, one of the server's the server. So a client may have 32
// connections at a time from one port. Since memory is what costs time here, an established connection's packet touches its slot and what every packet
// does (settings, the way): what a flow has counted is its server's when it ends, when it is too much for the slot, when the
// table is swept, or when somebody asks (Status sweeps). Packets counted by two processors in the same instant may be one. The first packet of a connection
// asks for the lines that it will need (its slot, the row of the service's table, the server) before it waits for any of them (bpf/foresee.h).
//
// What begins is a slot like another, pending until server and client have both been heard (or, where answers do not pass the director, the
// client twice). A sixteenth of the slots at most are such beginnings; one more takes the place of an older one: so a flood of SYNs pushes out other beginnings, and
// no connection; one that was pushed out between its SYN and its ACK is found
// again by hash with mh, sh and dh. SYN cookies stay what they are at the servers: a director that made its own could not know the server's
// sequence numbers, and would have to translate them for as long as a connection lasts. A timer in the kernel forgets what has been silent for as long
// as its state allows.
//
// lc, wlc, sed, nq and lblc rank servers by their loads in rows of costs behind a service's slots (bpf/rank.h): each change of a load changes one
// number in each of some rows, and tells the service who is next. So a new connection waits for no rank, and its server is asked for with all else. Of servers
// with the same cost the first is taken. Slots are as wide as what the numbers of a service's servers differ by needs (slots.go). What routing tells of a way
// holds for a second.
//
// Programs and maps of another layout (layout.go) give way to ours, with the connections in them: what they were survives by hash (mh, sh, dh), and with the
// others as far as another director was told of it, of whatever layout.
//
// With mh, sh and dh, a packet in the middle of a conversation that this director has not seen begin goes where the hash leads: after a
// takeover connections live on, as both directors have the same table (package places).
//
// With other schedulers directors tell each other of their connections (exchange.go): the programs note which slots have changed (struct news), a process of
// the exchange tells what is in them, and another one, on the standby, has the program learn take it up. What was learned is not told on until a packet of it
// has been here.
//
// A client that servers would answer past us, as it is on their link, is masked: its packets get our address first (bpf/mask.h). What this host itself connects to
// does not come in by an interface: it gets its server from programs that the kernel runs when a process connects (bpf/dial.h, dial.go).
//
// # How it differs from the kernel's IP Virtual Server
//
//   - lblcr, persistence engines, and tunnels with checksums are refused; so is SCTP with another port at the server.
//   - A server of weight 0 has no place in the tables of sh, dh and mh: its clients go elsewhere, without the flag for that.
//   - A server may be in 14 services by NAT: when another director's connection is taken over by an answer, they are tried one by one.
//   - Handshakes count as active when loads are weighed (lc, wlc, sed, nq).
//   - Firewall marks are seen only when something before our program has set them: the rules of nftables and iptables come later. What they are to mark
//     needs the plane ipvs or nft.
//   - Later fragments are forwarded when the first came before them.
//   - Connections of masked clients are listed with our address; they and what the director itself connects to do not outlive their director, and errors of ICMP about
//     them go no further than here.
//   - Rates are what passed between two calls of Status by one process.
//
// A server that is taken out keeps its place, so that its connections go on when it is added again; until then their packets are dropped.
// The package starts no goroutines.
package ebpf
