package agents

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// web is a web server with one page. It starts and stops in milliseconds, which makes it the
// agent for rehearsals and for measuring a cluster rather than a server.
var web = agent{
	metadata: webMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startWeb, "stop": stopWeb, "monitor": monitorWeb, "status": monitorWeb,
		"validate-all": validateWeb, "serve": serveWeb,
	},
}

var webMetadata = metadata{
	name: "web", short: "One-page web server for rehearsals", timeout: "10s",
	long: "A web server with one page, which names the host that serves it. It starts and stops within milliseconds.",
	parameters: []parameter{
		{name: "port", short: "Port", long: "TCP port to listen on.", kind: "integer", standard: "80", group: "address"},
		{name: "ip", short: "Address", long: "Address to listen on. Without one it listens on all of the host's, present and future.", group: "address"},
		{name: "page", short: "Page", long: "Text of the page, after the host's name."},
	},
}

const (
	serveListener = 3               // open file of the serving process
	answerTime    = 5 * time.Second // in which a healthy server answers its monitor
	stopPatience  = 3 * time.Second // between asking to end and killing
)

func (c Call) webAddress() (string, error) {
	port := c.parameter("port", "80")
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("parameter port of %s is %q: want 1 to 65535", c.instance(), port)
	}
	ip := c.parameter("ip", "")
	if ip != "" && net.ParseIP(ip) == nil {
		return "", fmt.Errorf("parameter ip of %s is %q: want an IP address", c.instance(), ip)
	}
	return net.JoinHostPort(ip, port), nil
}

func (c Call) webPID() pidFile {
	return pidFile(filepath.Join(c.stateDir(), "holdfast-web-"+c.instance()+".pid"))
}

func validateWeb(c Call) (int, error) {
	if _, err := c.webAddress(); err != nil {
		return badConfigured, err
	}
	return success, nil
}

// startWeb listens before it forks: when it returns, connections are accepted.
func startWeb(c Call) (int, error) {
	address, err := c.webAddress()
	if err != nil {
		return badConfigured, err
	}
	running, err := c.webPID().find()
	if err != nil {
		return genericError, err
	}
	if running != nil {
		running.close()
		return success, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return genericError, fmt.Errorf("listen on %s: %w", address, err)
	}
	defer l.Close()
	listener, err := l.(*net.TCPListener).File()
	if err != nil {
		return genericError, err
	}
	defer listener.Close()
	if err := c.webPID().spawn(c.Path, listener); err != nil {
		return genericError, fmt.Errorf("start the web server: %w", err)
	}
	return success, nil
}

func stopWeb(c Call) (int, error) {
	running, err := c.webPID().find()
	if err != nil {
		return genericError, err
	}
	if running == nil {
		return success, nil
	}
	defer running.close()
	if err := running.end(stopPatience); err != nil {
		return genericError, fmt.Errorf("stop the web server: %w", err)
	}
	return success, c.webPID().remove()
}

func monitorWeb(c Call) (int, error) {
	address, err := c.webAddress()
	if err != nil {
		return badConfigured, err
	}
	running, err := c.webPID().find()
	if err != nil {
		return genericError, err
	}
	if running == nil {
		return notRunning, nil
	}
	running.close()
	client := &http.Client{Timeout: answerTime}
	host, port, _ := net.SplitHostPort(address)
	if host == "" {
		host = "127.0.0.1"
	}
	response, err := client.Get("http://" + net.JoinHostPort(host, port) + "/")
	if err != nil {
		return genericError, fmt.Errorf("the web server runs but does not answer: %w", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return genericError, fmt.Errorf("the web server answers %s", response.Status)
	}
	return success, nil
}

// serveWeb is the server itself. It ends by a signal only.
func serveWeb(c Call) (int, error) {
	l, err := net.FileListener(os.NewFile(serveListener, "listener"))
	if err != nil {
		return badArguments, fmt.Errorf("serve is for the agent's own use: %w", err)
	}
	name, err := os.Hostname()
	if err != nil {
		return genericError, err
	}
	text := name + "\n" + c.parameter("page", "")
	page := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	server := &http.Server{Handler: http.HandlerFunc(page), ReadHeaderTimeout: 10 * time.Second}
	if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return genericError, err
	}
	return success, nil
}
