package client

import "context"

// Readiness lets every host ask every fence device, and judges whether the cluster may go live. The
// judgement, a report of package readiness, is decoded into report.
func (c *Client) Readiness(ctx context.Context, report any) error {
	return c.get(ctx, "/v1/readiness", nil, report)
}
