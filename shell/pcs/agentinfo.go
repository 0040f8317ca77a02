package pcs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib/property"
	"holdfast/cluster/executor/metadata"
)

// agentInfo is an agent as graphical front ends ask for it: one object of JSON.
type agentInfo struct {
	ShortDesc      *string         `json:"shortdesc"`
	LongDesc       *string         `json:"longdesc"`
	Parameters     []parameterInfo `json:"parameters"`
	Actions        []actionInfo    `json:"actions"`
	Name           string          `json:"name"`
	Standard       string          `json:"standard"`
	Provider       *string         `json:"provider"`
	Type           string          `json:"type"`
	DefaultActions []defaultInfo   `json:"default_actions"`
}

type parameterInfo struct {
	Name           string   `json:"name"`
	ShortDesc      *string  `json:"shortdesc"`
	LongDesc       *string  `json:"longdesc"`
	Type           string   `json:"type"`
	Default        *string  `json:"default"`
	EnumValues     []string `json:"enum_values"`
	Required       bool     `json:"required"`
	Advanced       bool     `json:"advanced"`
	Deprecated     bool     `json:"deprecated"`
	DeprecatedBy   []string `json:"deprecated_by"`
	DeprecatedDesc *string  `json:"deprecated_desc"`
	UniqueGroup    *string  `json:"unique_group"`
	Reloadable     bool     `json:"reloadable"`
}

type actionInfo struct {
	Name       string  `json:"name"`
	Timeout    *string `json:"timeout"`
	Interval   *string `json:"interval"`
	Role       *string `json:"role"`
	StartDelay *string `json:"start-delay"`
	Depth      *string `json:"OCF_CHECK_LEVEL"`
	Automatic  bool    `json:"automatic"`
	OnTarget   bool    `json:"on_target"`
}

type defaultInfo struct {
	Depth      *string `json:"OCF_CHECK_LEVEL"`
	Automatic  bool    `json:"automatic"`
	OnTarget   bool    `json:"on_target"`
	Name       string  `json:"name"`
	Interval   *string `json:"interval"`
	Timeout    *string `json:"timeout"`
	Role       *string `json:"role"`
	StartDelay *string `json:"start-delay"`
}

// orNull is a text, or nil for none.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func showAgentInfo(s *session) error { return s.printAgentInfo(false) }
func showFenceInfo(s *session) error { return s.printAgentInfo(true) }

func (s *session) printAgentInfo(fencing bool) error {
	if len(s.args) != 1 {
		return errUsage
	}
	name, err := s.agent(s.args[0])
	if err != nil {
		return err
	}
	if fencing != (name.class == "stonith") {
		return fmt.Errorf("'%s' is no agent of this kind", s.args[0])
	}
	agent, err := s.describe(name)
	if err != nil {
		return err
	}
	info := agentInfo{
		ShortDesc: orNull(agent.ShortDesc), LongDesc: orNull(agent.LongDesc), Parameters: parameterInfos(agent), Actions: []actionInfo{},
		Name: name.String(), Standard: name.class, Provider: orNull(name.provider), Type: name.kind, DefaultActions: []defaultInfo{},
	}
	for _, a := range agent.Actions {
		info.Actions = append(info.Actions, actionInfo{a.Name, orNull(a.Timeout), orNull(a.Interval), orNull(a.Role), orNull(a.StartDelay), orNull(a.Depth), a.Automatic, a.OnTarget})
	}
	for _, op := range defaultOperations(agent, nil, fencing) {
		value := func(name string) *string { return orNull(op.attrs.value(name)) }
		info.DefaultActions = append(info.DefaultActions, defaultInfo{
			Name: op.name, Interval: value("interval"), Timeout: value("timeout"), Role: value("role"), StartDelay: value("start-delay"), Depth: value("OCF_CHECK_LEVEL"),
		})
	}
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	s.printf("%s\n", spaced(string(text)))
	return nil
}

// parameterInfos are an agent's parameters and those that all agents of its kind have.
func parameterInfos(agent *metadata.Agent) []parameterInfo {
	infos := []parameterInfo{}
	for _, p := range agent.Params {
		if agent.Class == "stonith" && slices.Contains(commandLineOnly, p.Name) {
			continue
		}
		p = asDeviceTakes(agent, p)
		i := parameterInfo{
			Name: p.Name, ShortDesc: orNull(p.ShortDesc), LongDesc: orNull(p.LongDesc), Type: p.Type, EnumValues: p.Values,
			Required: p.Required, Advanced: agent.Class == "stonith" && p.Name == "action",
			Deprecated: p.Deprecated, DeprecatedBy: append([]string{}, p.ReplacedBy...), Reloadable: p.Reloadable, UniqueGroup: orNull(p.UniqueGroup),
		}
		if p.Unique && p.UniqueGroup == "" {
			i.UniqueGroup = &p.Name
		}
		if p.HasDefault {
			i.Default = &p.Default
		}
		infos = append(infos, i)
	}
	switch agent.Class {
	case "ocf":
		for _, t := range traceParameters {
			infos = append(infos, parameterInfo{Name: t.Name, ShortDesc: &t.ShortDesc, LongDesc: &t.ShortDesc, Type: t.Type, Default: &t.Default, Advanced: true, DeprecatedBy: []string{}})
		}
	case "stonith":
		for _, o := range property.Of("fenced") {
			infos = append(infos, parameterInfo{
				Name: o.Name, ShortDesc: orNull(o.Short), LongDesc: orNull(o.Short), Type: string(o.Kind), Default: &o.Default, EnumValues: o.Values,
				Advanced:     !slices.ContainsFunc(property.FenceDevice[1:], func(p property.Option) bool { return p.Name == o.Name }),
				DeprecatedBy: []string{},
			})
		}
	}
	return infos
}

// traceParameters are those that every OCF agent takes from its shell library.
var traceParameters = []metadata.Parameter{
	{Name: "trace_ra", Type: "integer", Default: "0", ShortDesc: "1 keeps a trace of every call of the agent's shell code, in trace_file or a file for each call"},
	{Name: "trace_file", Type: "string", ShortDesc: "the file that traces are written to"},
}

// asDeviceTakes is a parameter as a fence device has it: what the cluster itself says is not required.
func asDeviceTakes(agent *metadata.Agent, p metadata.Parameter) metadata.Parameter {
	if agent.Class != "stonith" {
		return p
	}
	p.Required = p.Required && !slices.Contains(neverRequired, p.Name)
	if p.Name == "action" {
		p.Required, p.Deprecated, p.ReplacedBy = false, true, strings.Fields("pcmk_off_action pcmk_reboot_action")
	}
	return p
}
