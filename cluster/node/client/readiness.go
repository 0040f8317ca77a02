package client

import (
	"context"

	"holdfast/cluster/fencing/readiness"
)

// Readiness lets every host ask every fence device, and judges whether the cluster may go live.
func (c *Client) Readiness(ctx context.Context) (*readiness.Report, error) {
	var report readiness.Report
	if err := c.get(ctx, "/v1/readiness", nil, &report); err != nil {
		return nil, err
	}
	return &report, nil
}
