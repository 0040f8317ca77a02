package metadata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"holdfast/cluster/cib"
)

// ErrNoMetadata says that a text holds no <resource-agent> element.
var ErrNoMetadata = errors.New("no <resource-agent> element in what the agent printed")

// Parse reads an agent's meta-data. Text before the XML is skipped; where the XML
// breaks off, what stands before is returned with the error. Class and Provider are
// the caller's to fill in.
func Parse(text []byte) (*Agent, error) {
	start := bytes.Index(text, []byte("<resource-agent"))
	if start < 0 {
		return nil, ErrNoMetadata
	}
	decoder := xml.NewDecoder(bytes.NewReader(text[start:]))
	decoder.Strict = false
	decoder.Entity = xml.HTMLEntity
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	r := reader{agent: &Agent{}}
	for {
		// Raw tokens: whether end tags match does not matter here.
		token, err := decoder.RawToken()
		if err != nil {
			r.finish()
			return r.agent, fmt.Errorf("read the meta-data of agent %q: %w", r.agent.Name, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			r.start(t)
		case xml.EndElement:
			if r.end(t.Name.Local) {
				r.finish()
				return r.agent, nil
			}
		case xml.CharData:
			r.text.Write(t)
		}
	}
}

// reader builds an Agent from tokens.
type reader struct {
	agent *Agent
	param *Parameter      // the open <parameter>
	dep   bool            // inside <deprecated>
	lang  string          // of the open description
	text  strings.Builder // since the last start tag
}

func attributes(e xml.StartElement) func(string) string {
	return func(name string) string {
		for _, a := range e.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
}

func (r *reader) start(e xml.StartElement) {
	get := attributes(e)
	r.text.Reset()
	switch e.Name.Local {
	case "resource-agent":
		r.agent.Name, r.agent.Version, r.agent.ShortDesc = get("name"), get("version"), get("shortdesc")
	case "parameter":
		r.closeParam()
		r.param = &Parameter{
			Name: get("name"), Type: "string",
			Required: cib.ParseBool(get("required"), false), Unique: cib.ParseBool(get("unique"), false), UniqueGroup: get("unique-group"),
			Reloadable: cib.ParseBool(get("reloadable"), false), Deprecated: cib.ParseBool(get("deprecated"), false), Obsoletes: get("obsoletes"),
		}
	case "deprecated":
		r.dep = true
		if r.param != nil {
			r.param.Deprecated = true
		}
	case "replaced-with":
		if r.param != nil {
			r.param.ReplacedBy = append(r.param.ReplacedBy, get("name"))
		}
	case "content":
		r.content(e, get)
	case "option":
		if r.param != nil {
			r.param.Values = append(r.param.Values, get("value"))
		}
	case "longdesc", "shortdesc", "desc":
		r.lang = get("lang")
	case "action":
		r.agent.Actions = append(r.agent.Actions, Action{
			Name: get("name"), Timeout: get("timeout"), Interval: get("interval"), StartDelay: get("start-delay"),
			Role: get("role"), Depth: get("depth"), OnTarget: cib.ParseBool(get("on_target"), false), Automatic: cib.ParseBool(get("automatic"), false),
		})
	}
}

func (r *reader) content(e xml.StartElement, get func(string) string) {
	if r.param == nil {
		return
	}
	if kind := get("type"); kind != "" {
		r.param.Type = kind
	}
	for _, a := range e.Attr {
		if a.Name.Local == "default" {
			r.param.Default, r.param.HasDefault = a.Value, true
		}
	}
}

// end takes an end tag and says whether it was the agent's own.
func (r *reader) end(name string) bool {
	text := strings.Trim(r.text.String(), " \t\r\n")
	switch name {
	case "resource-agent":
		return true
	case "parameter":
		r.closeParam()
	case "deprecated":
		r.dep = false
	case "version":
		if r.param == nil && text != "" {
			r.agent.OCF = text
		}
	case "shortdesc", "longdesc":
		if !r.dep {
			r.describe(name, text)
		}
	}
	r.text.Reset()
	return false
}

// describe keeps a description: the English one, or else the first.
func (r *reader) describe(name, text string) {
	short, long := &r.agent.ShortDesc, &r.agent.LongDesc
	if r.param != nil {
		short, long = &r.param.ShortDesc, &r.param.LongDesc
	}
	target := long
	if name == "shortdesc" {
		target, text = short, strings.Join(strings.Fields(text), " ")
	}
	if text != "" && (*target == "" || strings.HasPrefix(r.lang, "en")) {
		*target = text
	}
}

func (r *reader) closeParam() {
	if r.param != nil && r.param.Name != "" {
		r.agent.Params = append(r.agent.Params, *r.param)
	}
	r.param = nil
}

// finish takes what was still open and connects a fence agent's old and new names.
func (r *reader) finish() {
	r.closeParam()
	for _, p := range r.agent.Params {
		if p.Obsoletes == "" {
			continue
		}
		for i := range r.agent.Params {
			old := &r.agent.Params[i]
			if old.Name == p.Obsoletes && old.Deprecated && len(old.ReplacedBy) == 0 {
				old.ReplacedBy = []string{p.Name}
			}
		}
	}
}
