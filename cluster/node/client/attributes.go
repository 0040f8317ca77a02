package client

import (
	"context"
	"net/url"
	"time"
)

// Attribute is one transient node attribute (attrd_updater, crm_master). Permanent
// ones are part of the configuration: use Change.
type Attribute struct {
	Name  string `json:"name"`
	Host  string `json:"host,omitempty"` // "": this host
	Value string `json:"value"`
	Set   string `json:"set,omitempty"` // id of the attribute set; "": the usual one
}

// AttributeUpdate changes one attribute.
type AttributeUpdate struct {
	Attribute
	Delete  bool          `json:"delete,omitempty"`
	Delay   time.Duration `json:"delay,omitempty"`   // dampening: written once the value has stood still this long
	Private bool          `json:"private,omitempty"` // kept out of the document
	Retime  bool          `json:"retime,omitempty"`  // change Delay only, not the value
	Flush   bool          `json:"flush,omitempty"`   // write all values that this host's daemon holds back; nothing else counts
	Wait    string        `json:"wait,omitempty"`    // "": until noted on this host; "cluster": until committed
}

// SetAttribute sets or deletes an attribute. Values "++", "--", "+=N" and "-=N"
// count from the present value.
func (c *Client) SetAttribute(ctx context.Context, update AttributeUpdate) error {
	return c.post(ctx, "/v1/attributes", update, nil)
}

// Attributes returns the attributes of that name on that host; "" means every.
func (c *Client) Attributes(ctx context.Context, name, host string) ([]Attribute, error) {
	var attributes []Attribute
	err := c.get(ctx, "/v1/attributes", url.Values{"name": {name}, "host": {host}}, &attributes)
	return attributes, err
}
