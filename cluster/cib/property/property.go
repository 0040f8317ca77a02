// Package property knows the options of the cluster as a whole: what each is called, what it takes, what
// holds when it is not set, and which daemon of Pacemaker documents it; and which values of a document
// do not fit. Checks of a configuration and completion read it.
package property

import "strings"

// Kind is what values an option takes.
type Kind string

// The kinds, in the words of OCF's meta-data.
const (
	Boolean    Kind = "boolean"
	Integer    Kind = "integer"
	Time       Kind = "time"
	Select     Kind = "select"
	Text       Kind = "string"
	Percentage Kind = "percentage"
)

// Option is one option.
type Option struct {
	Name    string
	Daemon  string // whose meta-data describe it: based, controld, schedulerd; of fence devices: fenced
	Kind    Kind
	Default string
	Values  []string // of a Select
	Short   string   // what it does
	Status  bool     // the cluster writes it itself
	Newer   string   // the name that later releases of Pacemaker give it
}

// Find returns the cluster option of that name, in either spelling.
func Find(name string) (Option, bool) {
	for _, o := range Cluster {
		if o.Name == name || o.Newer == name && name != "" {
			return o, true
		}
	}
	return Option{}, false
}

// Device returns the parameter that every fence device takes. The pcmk_ACTION_{action,timeout,retries} triples
// are answered for every action.
func Device(name string) (Option, bool) {
	for _, o := range FenceDevice {
		if o.Name == name {
			return o, true
		}
	}
	for _, action := range FenceActions {
		if suffix, ok := strings.CutPrefix(name, "pcmk_"+action+"_"); ok {
			for _, o := range perAction {
				if o.Name == suffix {
					o.Name, o.Short = name, strings.ReplaceAll(o.Short, "ACTION", action)
					if suffix == "action" {
						o.Default = action
					}
					return o, true
				}
			}
		}
	}
	return Option{}, false
}

// FenceActions are the actions whose name, time limit and retries a device can set.
var FenceActions = []string{"reboot", "off", "on", "list", "monitor", "status"}

var perAction = []Option{
	{Name: "action", Daemon: "fenced", Kind: Text, Short: "what the agent calls its ACTION action"},
	{Name: "timeout", Daemon: "fenced", Kind: Time, Default: "60s", Short: "time limit of ACTION, in place of stonith-timeout"},
	{Name: "retries", Daemon: "fenced", Kind: Integer, Default: "2", Short: "how often ACTION is tried within its time limit"},
}

// Of returns the options that a daemon's meta-data list, in order; those of fence devices with their triples.
func Of(daemon string) []Option {
	var all []Option
	for _, o := range Cluster {
		if o.Daemon == daemon {
			all = append(all, o)
		}
	}
	if daemon != "fenced" {
		return all
	}
	all = append(all, FenceDevice...)
	for _, action := range FenceActions {
		for _, suffix := range perAction {
			o, _ := Device("pcmk_" + action + "_" + suffix.Name)
			all = append(all, o)
		}
	}
	return all
}
