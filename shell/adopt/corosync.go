package adopt

import (
	"strconv"
	"strings"

	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/core"
)

// readCorosync keeps a corosync.conf until all files are read: an older one names no hosts, and a document may.
func (r *Result) readCorosync(path, text string) error {
	if r.corosyncText != "" {
		r.lose("%s: an earlier file (%s) names the hosts already", path, r.corosyncFrom)
		return nil
	}
	r.corosyncText, r.corosyncFrom = text, path
	_, err := config.Parse(path, text)
	if err == nil {
		return nil
	}
	completed, _, failure := config.Complete(path, text, []config.Known{{ID: 1, Name: "any"}})
	if failure == nil {
		_, failure = config.Parse(path, completed)
	}
	return failure // nil: only hosts or their ids are missing
}

// finishCorosync makes the corosync.conf that is used.
func (r *Result) finishCorosync() error {
	if r.corosyncText == "" {
		return nil
	}
	path, text := r.corosyncFrom, r.corosyncText
	how := "used as it is"
	if r.corosyncMade {
		how = "made of it"
	}
	file, err := config.Parse(path, text)
	if err != nil {
		completed, notes, err := config.Complete(path, text, r.knownHosts())
		if err != nil {
			r.lose("%v", err)
			return nil
		}
		if file, err = config.Parse(path, completed); err != nil {
			return err
		}
		text, how = completed, "completed"
		for _, n := range notes {
			r.understand("%s", n)
		}
	}
	var names []string
	for _, h := range file.Hosts {
		names = append(names, h.Name)
	}
	links := "1 link"
	if file.Links != 1 {
		links = strconv.Itoa(file.Links) + " links"
	}
	r.understand("%s: cluster %q of %s, %s; %s", path, file.Cluster, strings.Join(names, ", "), links, how)
	for _, idle := range file.Idle {
		if !r.corosyncMade {
			r.understand("%s", idle.Error())
		}
	}
	for _, w := range file.Warnings {
		r.lose("%s", w.Error())
	}
	r.Corosync = text
	r.step("copy corosync.conf and one authkey to /etc/corosync on every host, or let 'pcs cluster setup' do it")
	return nil
}

// knownHosts are the hosts that the document names.
func (r *Result) knownHosts() []config.Known {
	var known []config.Known
	if r.Document == nil {
		return nil
	}
	for node := range r.Document.Section("nodes").All("node") {
		if kind := node.Get("type"); kind == "remote" || kind == "ping" || node.Get("uname") == "" {
			continue
		}
		id, _ := strconv.ParseUint(node.ID(), 10, 32) // 0: Heartbeat's ids are UUIDs
		known = append(known, config.Known{ID: core.HostID(id), Name: node.Get("uname")})
	}
	return known
}

// readKeys looks at a cluster's key: corosync's is bytes, Heartbeat's a list of signing methods.
func (r *Result) readKeys(path, text string) error {
	methods := map[string]string{}
	used, number := "", 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "auth" && len(words) > 1:
			used = words[1]
		case len(words) > 1 && isNumber(words[0]):
			methods[words[0]] = words[1]
			if words[1] != "crc" && words[1] != "md5" && words[1] != "sha1" {
				return fault(path, number, "%s: crc, md5 or sha1 was expected", words[1])
			}
		case len(methods) > 0 || used != "":
			return fault(path, number, "%s: 'auth NUMBER' or 'NUMBER METHOD KEY' was expected", words[0])
		}
	}
	if used == "" && len(methods) == 0 {
		r.understand("%s: a cluster key of %d bytes; used as it is", path, len(text))
		r.step("copy %s to /etc/corosync/authkey on every host", path)
		return nil
	}
	if methods[used] == "" {
		return fault(path, 0, "auth %s: there is no line %q with a method", used, used)
	}
	r.lose("%s: Heartbeat signed with %s; hosts here need a key of their own, made at random", path, methods[used])
	r.step("make a new key: 'pcs cluster setup' does, or corosync-keygen")
	return nil
}

func isNumber(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}
