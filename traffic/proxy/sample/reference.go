package sample

import (
	"slices"
	"strings"
)

// Referent is the kind of what an expression names outside itself.
type Referent uint8

// What expressions name.
const (
	ReferTable Referent = iota
	ReferBackend
	ReferFrontend
	ReferServer // as BACKEND/SERVER, or SERVER of the current backend
	ReferUserlist
)

// Reference is a name of something that has to be in the configuration.
type Reference struct {
	To   Referent
	Name string // "": the current proxy
	By   string // the fetch or converter that names it
}

// proxyFetches are the fetches that ask for the figures of a proxy or a server, with what their argument names.
var proxyFetches = map[string]Referent{
	"nbsrv": ReferBackend, "be_conn": ReferBackend, "be_conn_free": ReferBackend, "be_sess_rate": ReferBackend, "connslots": ReferBackend, "queue": ReferBackend,
	"avg_queue": ReferBackend, "fe_conn": ReferFrontend, "fe_sess_rate": ReferFrontend, "fe_req_rate": ReferFrontend, "srv_is_up": ReferServer, "srv_conn": ReferServer,
	"srv_conn_free": ReferServer, "srv_sess_rate": ReferServer, "srv_queue": ReferServer, "srv_weight": ReferServer, "srv_iweight": ReferServer,
	"srv_uweight": ReferServer, "http_auth": ReferUserlist, "http_auth_group": ReferUserlist,
}

// References hands out what the expressions compiled since the last call name, in their order.
func (k *Compiler) References() []Reference {
	named := k.references
	k.references = nil
	return named
}

// refer notes what a fetch names. A counter of a tracked entry without a table is the tracked one's; everything else without a name is the current proxy's.
func (k *Compiler) refer(c call, f fetch) {
	r := Reference{By: c.name}
	if to, ok := proxyFetches[c.name]; ok {
		r.To, r.Name = to, strings.Join(c.args, "")
	} else if _, ok := tableFetches[c.name]; !ok {
		return
	} else if len(c.args) == f.maximum {
		r.Name = c.args[f.maximum-1]
	} else if strings.HasPrefix(c.name, "sc") {
		return
	}
	k.references = append(k.references, r)
}

// referConverter notes the table that a converter looks the value up in.
func (k *Compiler) referConverter(c call) {
	at := 0
	switch counter, found := strings.CutPrefix(c.name, "table_"); {
	case slices.Contains(elementTableCounters, counter):
		at = 1
	case !found && c.name != "in_table":
		return
	}
	k.references = append(k.references, Reference{To: ReferTable, Name: c.args[at], By: c.name})
}

// notOfNames tells of a character that the names of ACLs do not have.
func notOfNames(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r))
}
