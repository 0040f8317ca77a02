package director

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/detect"
)

// Socket is where a director is asked, below root. Only who may open it, root and its group, is answered.
func Socket(root, name string) string {
	return filepath.Join("/", root, "run/holdfast/director", name+".sock")
}

// Serve answers on the control socket until Run ends: GET /status, GET /plane (its name), GET /metrics (Prometheus), POST
// /reload.
func (d *Daemon) Serve(socket string, reload func() error) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return err
	}
	if conn, err := net.Dial("unix", socket); err == nil {
		conn.Close()
		return fmt.Errorf("another director answers on %s; stop it, or give this one another --name", socket)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen for questions about the director: %w", err)
	}
	if err := os.Chmod(socket, 0o660); err != nil {
		l.Close()
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{d})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		var s Status
		err := d.do(r.Context(), func() (err error) { s, err = d.status(); return err })
		answer(w, s, err)
	})
	mux.HandleFunc("GET /plane", func(w http.ResponseWriter, _ *http.Request) { answer(w, d.plane.Name(), nil) })
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) { answer(w, struct{}{}, reload()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux}
	d.control.Store(server)
	d.running.Go(func() { _ = server.Serve(l) })
	return nil
}

func answer(w http.ResponseWriter, what any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what)
}

// askPatience is how long a question may take; a reload takes what it takes.
const askPatience = 30 * time.Second

// Ask asks the director that listens on a socket.
func Ask(ctx context.Context, socket, method, path string, into any) error {
	if method == http.MethodGet {
		limited, end := context.WithTimeout(ctx, askPatience)
		defer end()
		ctx = limited
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "http://director"+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the director on %s does not answer: %w; it is busy, or stands still", socket, context.DeadlineExceeded)
	}
	if err != nil {
		return fmt.Errorf("no director answers on %s: %w; 'holdfast director -f FILE' starts one", socket, errors.Unwrap(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return errors.New(strings.TrimSpace(string(text)))
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// planePatience is how long one director may take to name its plane; one that stands still does not keep others from being looked at.
const planePatience = 2 * time.Second

// OpenPlane opens the data plane that ipvsadm is to work on: the one that is named, if any is; else that of a director that runs here, though it may hold no
// service yet; else the one that detect finds.
func OpenPlane(ctx context.Context, named, root string) (plane.Plane, error) {
	if named == "" {
		sockets, _ := filepath.Glob(Socket(root, "*"))
		for _, socket := range sockets {
			asking, end := context.WithTimeout(ctx, planePatience)
			err := Ask(asking, socket, "GET", "/plane", &named)
			if end(); err == nil {
				break
			}
		}
	}
	return detect.Open(named, root)
}

// collector makes metrics of the status, when they are asked for.
type collector struct{ d *Daemon }

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("holdfast_director_"+name, help, labels, nil)
}

var (
	serverIn     = described("server_in", "Whether a real server is in.", "service", "server")
	serverWeight = described("server_weight", "Weight of a real server.", "service", "server")
	serverActive = described("server_active_connections", "Connections of a real server that are established.", "service", "server")
	quorate      = described("service_quorate", "Whether enough real servers are in.", "service")
	connections  = described("service_connections_total", "Connections that were opened.", "service")
	packets      = described("service_packets_total", "Packets that passed.", "service", "direction")
	octets       = described("service_bytes_total", "Bytes that passed.", "service", "direction")
	watchFailing = described("watch_failing", "Whether a watch fails.", "group", "service")
)

// Describe lists the metrics.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{serverIn, serverWeight, serverActive, quorate, connections, packets, octets, watchFailing} {
		to <- d
	}
}

// Collect reads the director's status.
func (c collector) Collect(to chan<- prometheus.Metric) {
	var s Status
	if err := c.d.do(c.d.ctx, func() (err error) { s, err = c.d.status(); return err }); err != nil {
		to <- prometheus.NewInvalidMetric(quorate, err)
		return
	}
	gauge := func(of *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
	}
	counter := func(of *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.CounterValue, float64(value), labels...)
	}
	truth := map[bool]float64{true: 1}
	for _, one := range s.Services {
		name := one.Service.String()
		gauge(quorate, truth[one.Quorate], name)
		counter(connections, one.Counters.Connections, name)
		counter(packets, one.Counters.InPackets, name, "in")
		counter(packets, one.Counters.OutPackets, name, "out")
		counter(octets, one.Counters.InBytes, name, "in")
		counter(octets, one.Counters.OutBytes, name, "out")
		for _, server := range one.Servers {
			at := server.Server.Address.String()
			gauge(serverIn, truth[server.In], name, at)
			gauge(serverWeight, float64(server.Server.Weight), name, at)
			gauge(serverActive, float64(server.Active), name, at)
		}
	}
	for _, w := range s.Watches {
		gauge(watchFailing, truth[w.Failing], w.Group, w.Service)
	}
}
