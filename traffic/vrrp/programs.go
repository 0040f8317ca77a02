package vrrp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"holdfast/traffic/program"
	"holdfast/traffic/vrrp/config"
)

// watchScript runs a tracked script every interval and tells the first verdict, and each change of it; known is the one that a script goes on with. It ends with
// ctx.
func watchScript(ctx context.Context, s config.Script, known *bool, log *slog.Logger, tell func(well bool)) {
	well, streak := !s.InitiallyFailed, 0
	if known != nil {
		well = *known
	}
	beat := time.NewTicker(s.Interval)
	defer beat.Stop()
	for first := true; ; first = false {
		err := runScript(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if (err == nil) == well {
			streak = 0
			if first && known == nil {
				tell(well)
			}
		} else if streak++; streak >= s.Needed(well) || first && known == nil && s.InitiallyFailed {
			well, streak = !well, 0
			if !well {
				log.Warn("a tracked script fails", "script", s.Name, "error", err)
			}
			tell(well)
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return
		}
	}
}

func runScript(ctx context.Context, s config.Script) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	cmd, err := program.Command(ctx, s.Command, &s.User)
	if err != nil {
		return err
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		if ctx.Err() == context.DeadlineExceeded {
			return fmt.Errorf("it ran longer than its timeout of %s", s.Timeout)
		}
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	return nil
}

// runHook runs startup_script or shutdown_script. When it fails the daemon goes on, as keepalived does.
func (d *Daemon) runHook(ctx context.Context, h *program.Hook) {
	if err := h.Run(ctx); err != nil {
		d.log.Error("a script at the start or end failed", "error", err)
	}
}

// notice is one run of a notify program.
type notice struct {
	words []string
	as    config.User
}

// runNotices runs programs one after the other until the channel is closed.
func runNotices(ctx context.Context, notices <-chan notice, log *slog.Logger) {
	for n := range notices {
		cmd, err := program.Command(ctx, n.words, &n.as)
		if err == nil {
			var output []byte
			if output, err = cmd.CombinedOutput(); err != nil {
				err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
			}
		}
		if err != nil && ctx.Err() == nil {
			log.Warn("a notify program failed", "program", n.words[0], "error", err)
		}
	}
}
