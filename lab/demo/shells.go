package demo

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed cluster.pcs
var pcsListing string

//go:embed cluster.crm
var crmListing string

// shell is how the demo speaks to the cluster: in the words of pcs or of crm.
type shell struct {
	load    []string // commands that make the cluster's configuration
	show    string
	standby string // and the host
	move    string // and the host
	restore []string
}

// shells are the languages that Options.Shell can choose.
var shells = map[string]shell{
	"pcs": {
		load: listed(pcsListing, ""), show: "pcs status", standby: "pcs node standby ", move: "pcs resource move " + group + " ",
		restore: []string{"pcs node unstandby --all", "pcs resource clear " + group, "pcs resource cleanup"},
	},
	"crm": {
		load: listed(crmListing, "crm configure "), show: "crm status", standby: "crm node standby ", move: "crm resource move " + group + " ",
		restore: []string{
			"crm node online web1", "crm node online web2", "crm node online web3",
			"crm resource clear " + group, "crm resource cleanup " + group,
		},
	},
}

// listed are the lines of a listing that are no comments, each after a prefix.
func listed(listing, prefix string) []string {
	var lines []string
	for line := range strings.Lines(listing) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, prefix+line)
		}
	}
	return lines
}

// Options choose how the demo is done.
type Options struct {
	Shell  string // pcs, the default, or crm
	Binary string // the holdfast program for the hosts; default the running one
}

func (o Options) shell() (shell, error) {
	if o.Shell == "" {
		o.Shell = "pcs"
	}
	s, ok := shells[o.Shell]
	if !ok {
		return s, fmt.Errorf("shell %q: want pcs or crm", o.Shell)
	}
	return s, nil
}
