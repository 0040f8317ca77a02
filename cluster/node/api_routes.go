package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
	"holdfast/cluster/node/eventstore"
)

// changeLimit bounds how long a change waits to be acknowledged.
const changeLimit = 30 * time.Second

// routes are the local API of a configured host.
func (n *Node) routes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /v1/document":              n.getDocument,
		"POST /v1/change":               n.postChange,
		"POST /v1/wait":                 n.postWait,
		"GET /v1/history":               n.getHistory,
		"GET /v1/history/{index}":       n.getHistoryDocument,
		"GET /v1/status":                n.getStatus,
		"POST /v1/operation":            n.postOperation,
		"POST /v1/forget":               n.postForget,
		"POST /v1/fail":                 n.postFail,
		"POST /v1/remove":               n.postRemove,
		"GET /v1/attributes":            n.getAttributes,
		"POST /v1/attributes":           n.postAttributes,
		"POST /v1/fence":                n.postFence,
		"POST /v1/fence/confirm":        n.postConfirm,
		"POST /v1/fence/unfence":        n.postUnfence,
		"GET /v1/fence/history":         n.getFenceHistory,
		"POST /v1/fence/cleanup":        n.postFenceCleanup,
		"GET /v1/fence/devices":         n.getFenceDevices,
		"GET /v1/sbd":                   n.getSBD,
		"POST /v1/sbd":                  n.postSBD,
		"GET /v1/readiness":             n.getReadiness,
		"GET /v1/events":                n.getEvents,
		"GET /v1/quorum":                n.getQuorum,
		"POST /v1/quorum":               n.postQuorum,
		"GET /v1/quorum/device":         n.getDevice,
		"POST /v1/quorum/device/files":  n.postDeviceFiles,
		"POST /v1/configuration":        n.postConfiguration,
		"POST /v1/configuration/reload": n.reloadConfiguration,
		"POST /v1/kill":                 n.postKill,
		"GET /v1/forks":                 n.getForks,
		"GET /v1/forks/{number}":        n.getFork,
		"GET /metrics":                  n.getMetrics,
	} {
		mux.HandleFunc(pattern, guarded(n.log, h))
	}
}

func (n *Node) getDocument(_ http.ResponseWriter, r *http.Request) (any, error) {
	xpath := r.URL.Query().Get("xpath")
	if xpath == "" {
		return xmlText(n.observed(r.Context()).Bytes()), nil
	}
	doc := n.replica.Document()
	found, err := doc.Select(xpath)
	if err != nil {
		return nil, &client.Error{Code: client.Invalid, Message: err.Error()}
	}
	if len(found) == 0 {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("query %s: no such object", xpath)}
	}
	var b strings.Builder
	for _, e := range found {
		b.WriteString(e.String())
	}
	return xmlText(b.String()), nil
}

func (n *Node) postChange(_ http.ResponseWriter, r *http.Request) (any, error) {
	var c client.Change
	if err := decodeBody(r, &c); err != nil {
		return nil, err
	}
	change, err := json.Marshal(replica.Change{Op: string(c.Op), Section: c.Section, XPath: c.XPath, ID: c.ID, XML: c.XML,
		AllowCreate: c.AllowCreate, All: c.All, IfVersion: c.IfVersion, DryRun: c.DryRun})
	if err != nil {
		return nil, fmt.Errorf("encode change: %w", err)
	}
	who := c.User
	if p, ok := r.Context().Value(peerKey{}).(*peer); ok && (who == "" || p.uid != 0) {
		who = p.name
	}
	ctx, cancel := context.WithTimeout(r.Context(), changeLimit)
	defer cancel()
	answer, err := n.propose(ctx, &controller.Entry{Kind: controller.ChangeEntry, Change: change, Cause: c.Cause, User: who})
	if err != nil {
		return nil, err
	}
	return client.ChangeAnswer{Version: answer.Version, XML: answer.XML}, nil
}

// postWait asks the leader to tell when nothing is left to do.
func (n *Node) postWait(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask struct {
		Limit int64 `json:"limit_ms"`
	}
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	ctx := r.Context()
	if ask.Limit > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(ask.Limit)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	payload := []byte(strconv.FormatUint(n.replica.Index(), 10))
	for {
		leader := n.messenger.Leader()
		if leader != 0 {
			if _, err := n.messenger.Call(ctx, leader, "wait", payload); err == nil {
				return struct{}{}, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, &client.Error{Code: client.TimedOut, Message: "wait for the cluster to settle: it still has work to do; 'crm_mon -1' shows what"}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serveWait answers when this host leads, has applied what the caller has, and is idle.
func (n *Node) serveWait(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	index, err := strconv.ParseUint(string(payload), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("decode wait request: %w", err)
	}
	done := make(chan bool, 1)
	n.queue.put(func() {
		_, leading := n.controller.Leading()
		switch {
		case !leading || n.replica.Index() < index:
			done <- false
		case n.controller.Idle():
			done <- true
		default:
			n.idleWaits = append(n.idleWaits, func(idle bool) { done <- idle })
		}
	})
	select {
	case idle := <-done:
		if !idle {
			return nil, fmt.Errorf("host %s does not lead, or has not seen entry %d yet", n.settings.Name, index)
		}
		return struct{}{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *Node) getHistory(http.ResponseWriter, *http.Request) (any, error) {
	entries := []client.HistoryEntry{}
	for _, p := range n.replica.History() {
		entries = append(entries, client.HistoryEntry(p.Commit))
	}
	return entries, nil
}

func (n *Node) getHistoryDocument(_ http.ResponseWriter, r *http.Request) (any, error) {
	index, err := strconv.ParseUint(r.PathValue("index"), 10, 64)
	if err == nil {
		for _, p := range n.replica.History() {
			if p.Index == index {
				return xmlText(p.XML), nil
			}
		}
	}
	return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("history: no configuration %q is kept; 'holdfast history' lists them", r.PathValue("index"))}
}

// getEvents sends the events kept and, when asked to follow, those to come.
func (n *Node) getEvents(w http.ResponseWriter, r *http.Request) (any, error) {
	query := r.URL.Query()
	since, _ := strconv.ParseUint(query.Get("since"), 10, 64)
	wanted := map[client.Kind]bool{}
	for _, kind := range strings.Split(query.Get("kinds"), ",") {
		if kind != "" {
			wanted[client.Kind(kind)] = true
		}
	}
	w.Header().Set("Content-Type", "application/jsonl")
	encoder, flusher := json.NewEncoder(w), http.NewResponseController(w)
	send := func(e client.Event) bool {
		since = e.Seq
		return len(wanted) > 0 && !wanted[e.Kind] || encoder.Encode(e) == nil
	}
	if text := query.Get("from"); text != "" {
		from, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, &client.Error{Code: client.Invalid, Message: fmt.Sprintf("events from %q: expected a time as in RFC 3339", text)}
		}
		if err := eventstore.Read(eventstore.Dir(n.settings.Root), from, send); err != nil {
			n.log.Warn("kept events cannot be read", "cause", err)
		}
	}
	for {
		events, more := n.events.after(since)
		for _, e := range events {
			if !send(e) {
				return nil, nil // the reader is gone
			}
		}
		if err := flusher.Flush(); err != nil || query.Get("follow") != "true" {
			return nil, nil
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return nil, nil
		case <-n.ctx.Done():
			return nil, nil
		}
	}
}
