package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
	"holdfast/cluster/node/client"
)

func (n *Node) getQuorum(http.ResponseWriter, *http.Request) (any, error) {
	st := n.messenger.Status()
	v := st.Verdict
	q := &client.Quorum{Host: uint32(st.ID), View: st.View.Number, Quorate: v.Quorate, Expected: v.Expected, Highest: max(v.Expected, st.Quorum.ExpectedVotes()),
		Total: v.Votes, Needed: v.Needed, Why: v.Why(), Waiting: v.Waiting, Flags: quorumFlags(&st.Quorum, v.Quorate), Device: st.Quorum.DeviceVotes, Lent: v.Device}
	for _, h := range n.configured() {
		voter := client.Voter{ID: uint32(h.ID), Name: n.name(h.ID), Votes: st.Quorum.HostVotes(h.ID), Lent: slices.Contains(st.Lenders, h.ID)}
		for _, addr := range h.Addrs {
			voter.Addrs = append(voter.Addrs, addr.Addr().String())
		}
		if slices.Contains(st.Reach, h.ID) {
			q.Members = append(q.Members, voter)
		} else {
			q.Missing = append(q.Missing, voter)
		}
	}
	return q, nil
}

// quorumFlags are votequorum's words for what is in force.
func quorumFlags(o *quorum.Options, quorate bool) []string {
	flags := []string{}
	for _, flag := range []struct {
		on   bool
		name string
	}{{o.TwoNode, "2Node"}, {quorate, "Quorate"}, {o.WaitsForAll(), "WaitForAll"}, {o.LastManStanding, "LastManStanding"},
		{o.AutoTie, "AutoTieBreaker"}, {o.AllowDownscale, "AllowDownscale"}, {o.DeviceVotes > 0, "Qdevice"}} {
		if flag.on {
			flags = append(flags, flag.name)
		}
	}
	return flags
}

// quorumService is the name under which hosts tell each other of an operator's word.
const quorumService = "quorum"

// postQuorum tells every host that is reached of an operator's word. It needs no leader: it
// may be what lets one be elected.
func (n *Node) postQuorum(_ http.ResponseWriter, r *http.Request) (any, error) {
	var change client.QuorumChange
	if err := decodeBody(r, &change); err != nil {
		return nil, err
	}
	switch {
	case change.Votes != nil:
		return struct{}{}, n.changeVotes(r.Context(), change.Votes)
	case change.Unregister:
		return struct{}{}, n.unregisterDevice()
	}
	st := n.messenger.Status()
	switch {
	case !change.Unblock && change.Expected < st.Verdict.Votes:
		return nil, &client.Error{Code: client.Invalid, Message: fmt.Sprintf(
			"set expected votes to %d: the hosts that are up have %d votes already; expected votes cannot be fewer", change.Expected, st.Verdict.Votes)}
	case !change.Unblock && change.Expected > st.Quorum.ExpectedVotes():
		return nil, &client.Error{Code: client.Invalid, Message: fmt.Sprintf(
			"set expected votes to %d: all hosts together have %d; add hosts or votes to the configuration first", change.Expected, st.Quorum.ExpectedVotes())}
	case change.Unblock && !st.Waiting:
		return nil, &client.Error{Code: client.Invalid, Message: "unblock quorum: this cluster does not wait for missing hosts; 'corosync-quorumtool -s' shows how votes stand"}
	}
	payload, err := json.Marshal(change)
	if err != nil {
		return nil, fmt.Errorf("encode quorum change: %w", err)
	}
	for _, h := range st.Reach {
		if _, err := n.messenger.Call(r.Context(), h, quorumService, payload); err != nil {
			return nil, fmt.Errorf("tell host %s of the changed quorum: %w; repeat the command", n.name(h), err)
		}
	}
	return struct{}{}, nil
}

func (n *Node) serveQuorum(_ context.Context, from messaging.HostID, payload []byte) (any, error) {
	var change client.QuorumChange
	if err := json.Unmarshal(payload, &change); err != nil {
		return nil, fmt.Errorf("decode quorum change: %w", err)
	}
	n.log.Warn("quorum is changed by an operator", "from", n.name(from), "expected", change.Expected, "unblock", change.Unblock)
	if change.Unblock {
		n.messenger.Unblock()
	} else {
		n.messenger.Expect(change.Expected)
	}
	return struct{}{}, nil
}

func (n *Node) getForks(http.ResponseWriter, *http.Request) (any, error) {
	kept, err := store.Forks(n.settings.Messaging.Dir)
	if err != nil {
		return nil, err
	}
	forks := []client.Fork{}
	for i, f := range kept {
		fork := client.Fork{Number: i + 1, Group: f.Ballot.String(), Index: f.Index, Pending: len(f.Tail)}
		if r, err := replica.Revive(f.Snapshot, f.Index, f.Tail); err == nil {
			fork.Version = r.Document().Version().String()
		}
		forks = append(forks, fork)
	}
	return forks, nil
}

func (n *Node) getFork(_ http.ResponseWriter, r *http.Request) (any, error) {
	kept, err := store.Forks(n.settings.Messaging.Dir)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number < 1 || number > len(kept) {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("fork %q: this host keeps %d; 'holdfast forks list' lists them", r.PathValue("number"), len(kept))}
	}
	f := kept[number-1]
	revived, err := replica.Revive(f.Snapshot, f.Index, f.Tail)
	if err != nil {
		return nil, fmt.Errorf("read fork %d: %w", number, err)
	}
	return xmlText(revived.Document().Bytes()), nil
}
