// Package pause waits between two looks at the same thing: checks of servers, questions to name servers, attempts to connect.
package pause

import (
	"context"
	"time"
)

// For tells whether the time passed before ctx ended. A time that is not above zero has passed already, unless ctx has
// ended.
func For(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
