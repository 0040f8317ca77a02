package main

import (
	"holdfast/cluster/node"
	"holdfast/shell/tools/describe"
	"holdfast/shell/tools/host"
	"holdfast/shell/tools/rules"
	"holdfast/shell/tools/votes"
	"holdfast/shell/witness"
)

// peerTools are programs that scripts ask about rules, nodes and options.
var peerTools = map[string]tool{
	"crm_rule":              rules.Tool,
	"corosync-cfgtool":      votes.ConfigTool,
	"corosync-quorumtool":   votes.QuorumTool,
	"corosync-qdevice-tool": votes.DeviceTool,
	"corosync-qnetd-tool":   witness.QnetdTool,
	"crmadmin":              host.CRMAdmin,
	"pacemaker-based":       describe.Daemon("based"),
	"pacemaker-controld":    describe.Daemon("controld"),
	"pacemaker-fenced":      describe.Daemon("fenced"),
	"pacemaker-remoted":     node.Remoted,
	"pacemaker-schedulerd":  describe.Daemon("schedulerd"),
}
