package main

import (
	"holdfast/shell/tools/attribute"
	"holdfast/shell/tools/codes"
	"holdfast/shell/tools/fence"
	"holdfast/shell/tools/host"
	"holdfast/shell/tools/sbd"
)

// agentTools are what resource agents call, beside what people do.
var agentTools = map[string]tool{
	"crm_attribute": attribute.CRMAttribute,
	"crm_master":    attribute.CRMMaster,
	"crm_standby":   attribute.CRMStandby,
	"crm_failcount": attribute.CRMFailcount,
	"attrd_updater": attribute.AttrdUpdater,
	"crm_node":      host.CRMNode,
	"crm_error":     codes.CRMError,
	"sbd":           sbd.SBD,
	"stonith_admin": fence.StonithAdmin,
}
