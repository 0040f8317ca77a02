package node

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metric descriptions. All are read from the daemon's state when they are asked for.
var (
	quorateDesc  = prometheus.NewDesc("holdfast_quorate", "1 while this host is in a quorate view.", nil, nil)
	membersDesc  = prometheus.NewDesc("holdfast_members", "Hosts in the agreed view.", nil, nil)
	leaderDesc   = prometheus.NewDesc("holdfast_leader", "1 while this host leads the cluster.", nil, nil)
	viewDesc     = prometheus.NewDesc("holdfast_view_number", "Number of the agreed view.", nil, nil)
	appliedDesc  = prometheus.NewDesc("holdfast_log_applied_index", "Last log entry applied on this host.", nil, nil)
	linkDesc     = prometheus.NewDesc("holdfast_link_up", "1 while the link to the host is heard.", []string{"host", "link"}, nil)
	eventsDesc   = prometheus.NewDesc("holdfast_events_total", "Events told since the daemon's start.", []string{"kind"}, nil)
	startedDesc  = prometheus.NewDesc("holdfast_start_time_seconds", "When the daemon started.", nil, nil)
	monitorsDesc = prometheus.NewDesc("holdfast_recurring_operations", "Recurring operations on this host.", nil, nil)
)

// collector reads the node's state for Prometheus.
type collector struct{ n *Node }

// Describe is prometheus.Collector's.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{quorateDesc, membersDesc, leaderDesc, viewDesc, appliedDesc, linkDesc, eventsDesc, startedDesc, monitorsDesc} {
		out <- d
	}
}

// Collect is prometheus.Collector's.
func (c collector) Collect(out chan<- prometheus.Metric) {
	n := c.n
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	view, local := n.replica.LastView(), n.messenger.Status()
	gauge(quorateDesc, number(view.Quorate && local.Verdict.Quorate))
	gauge(membersDesc, float64(len(view.Members)))
	gauge(leaderDesc, number(n.messenger.IsLeader()))
	gauge(viewDesc, float64(view.Number))
	gauge(appliedDesc, float64(n.replica.Index()))
	gauge(startedDesc, float64(n.started.UnixNano())/float64(time.Second))
	if recurring, err := inLoop(n.ctx, n, n.worker.Recurring); err == nil {
		gauge(monitorsDesc, float64(recurring))
	}
	for id, links := range local.Links {
		for i, up := range links {
			gauge(linkDesc, number(up), n.name(id), string(rune('0'+i)))
		}
	}
	for kind, total := range n.events.totals() {
		out <- prometheus.MustNewConstMetric(eventsDesc, prometheus.CounterValue, float64(total), string(kind))
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (n *Node) getMetrics(w http.ResponseWriter, r *http.Request) (any, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{n}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil, nil
}
