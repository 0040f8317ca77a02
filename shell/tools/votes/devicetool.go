package votes

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

var deviceSpecs = []option.Spec{
	{Short: 's', Long: "status", Help: "how the quorum device stands, as this host sees it"},
	{Short: 'v', Long: "verbose", Help: "more of it"},
	{Short: 'h', Long: "help", Help: "print this"},
}

// DeviceTool is corosync-qdevice-tool.
func DeviceTool(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	const name = "corosync-qdevice-tool"
	line, err := option.Parse(deviceSpecs, args)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v; '%s -h' lists the options\n", name, err, name)
		return failed
	}
	if !line.Has("status") {
		option.Usage(stdout, name, "how the quorum device stands", deviceSpecs, name+" -s", name+" -s -v")
		return exit.OK
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	d, err := client.New("").Device(ctx)
	if err == nil && d == nil {
		err = fmt.Errorf("no quorum device is configured; 'pcs quorum device add' adds one")
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return failed
	}
	fmt.Fprint(stdout, DeviceStatus(d, line.Has("verbose"), time.Now()))
	return exit.OK
}

// DeviceStatus is what corosync-qdevice-tool -s prints.
func DeviceStatus(d *client.Device, verbose bool, now time.Time) string {
	var b strings.Builder
	row := func(more bool, name, format string, args ...any) {
		if !more || verbose {
			tabs := strings.Repeat("\t", max(1, 3-len(name)/8))
			fmt.Fprintf(&b, "%s%s%s\n", name, tabs, fmt.Sprintf(format, args...))
		}
	}
	b.WriteString("Qdevice information\n-------------------\n")
	row(false, "Model:", "%s", map[bool]string{true: "Net", false: "Disk"}[d.Disk == ""])
	row(false, "Node ID:", "%d", d.Node)
	row(true, "HB interval:", "%dms", d.Heartbeat.Milliseconds()*10/8)
	row(true, "Sync HB interval:", "%dms", d.Sync.Milliseconds())
	b.WriteString("Configured node list:\n")
	for i, h := range d.Configured {
		fmt.Fprintf(&b, "    %d\tNode ID = %d\n", i, h)
	}
	row(true, "Heuristics:", "%s", map[string]string{"on": "Enabled", "sync": "Enabled only on sync", "off": "Disabled"}[d.Mode])
	row(true, "Ring ID:", "%s", d.Ring)
	row(false, "Membership node list:", "%s", idList(d.Members))
	row(true, "Quorate:", "%s", map[bool]string{true: "Yes", false: "No"}[d.Quorate])
	row(true, "Expected votes:", "%d", d.Expected)
	if d.Disk != "" {
		diskStatus(d, row, &b)
	} else {
		serverStatus(d, row, &b)
	}
	for _, at := range []struct {
		name string
		ago  time.Duration
	}{{"Connected since:", d.Since}, {"Echo reply received:", d.Answered}} {
		if at.ago >= 0 {
			row(true, at.name, "%s", now.Add(-at.ago).Format("2006-01-02T15:04:05"))
		}
	}
	if d.Failure != "" {
		row(true, "Last failure:", "%s", d.Failure)
	}
	return b.String()
}

// diskStatus is the part about a quorum disk.
func diskStatus(d *client.Device, row func(bool, string, string, ...any), b *strings.Builder) {
	b.WriteString("\nQdevice-disk information\n------------------------\n")
	row(false, "Disk:", "%s", d.Disk)
	holder := "none"
	if d.Holder > 0 {
		holder = fmt.Sprintf("Node ID %d", d.Holder)
	}
	row(false, "Vote lent to:", "%s", holder)
	row(false, "State:", "%s", d.State)
	row(true, "Vote:", "%s", d.Vote)
	if d.Mode != "off" {
		row(true, "Heuristics result:", "%s", d.Heuristics)
	}
}

// serverStatus is the part about a server.
func serverStatus(d *client.Device, row func(bool, string, string, ...any), b *strings.Builder) {
	b.WriteString("\nQdevice-net information\n----------------------\n")
	row(false, "Cluster name:", "%s", d.Cluster)
	row(false, "QNetd host:", "%s:%d", d.Host, d.Port)
	row(true, "Connect timeout:", "%dms", d.Connect.Milliseconds())
	row(true, "HB interval:", "%dms", d.Heartbeat.Milliseconds())
	row(true, "TLS:", "%s", map[bool]string{true: "Supported", false: "Unsupported"}[d.Offers])
	row(false, "Algorithm:", "%s", d.Algorithm)
	row(false, "Tie-breaker:", "%s", d.Tie)
	kap := map[bool]string{true: "Enabled", false: "Disabled"}[d.KeepActive]
	if d.LMS {
		kap = "Algorithm hard-coded"
	}
	row(true, "KAP Tie-breaker:", "%s", kap)
	row(false, "State:", "%s", d.State)
	row(true, "Vote:", "%s", d.Vote)
	if d.Mode != "off" {
		row(true, "Heuristics result:", "%s (regular: %s, membership: %s)", d.Heuristics, d.Regular, d.Heuristics)
	}
	row(true, "TLS active:", "%s", map[bool]string{true: "Yes (client certificate sent)", false: "No"}[d.Secured])
}

func idList(ids []uint32) string {
	var words []string
	for _, id := range ids {
		words = append(words, fmt.Sprint(id))
	}
	return strings.Join(words, ", ")
}
