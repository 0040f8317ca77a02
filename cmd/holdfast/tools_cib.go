package main

import (
	"holdfast/shell/tools/cibtool"
	"holdfast/shell/tools/dates"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/resource"
)

// cibTools work on the document as a whole.
var cibTools = map[string]tool{
	"cibadmin":     cibtool.CIBAdmin,
	"crm_shadow":   cibtool.Shadow,
	"crm_diff":     cibtool.Diff,
	"crm_verify":   cibtool.Verify,
	"crm_ticket":   cibtool.Ticket,
	"iso8601":      dates.ISO8601,
	"crm_resource": resource.Tool,
	"crm_mon":      monitor.Tool,
}
