package director

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (o *options) topCommand() *cobra.Command {
	every := time.Second
	cmd := &cobra.Command{
		Use: "top", Short: "watch services and servers of the director that runs here, live", Args: cobra.NoArgs,
		Long:    "Shows services, real servers, their checks and rates, again and again until q or Ctrl-C. Without a terminal it prints once.",
		Example: "  holdfast director top\n  holdfast director top --every 5s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := func(ctx context.Context) (s Status, err error) {
				err = Ask(ctx, Socket(o.root, o.name), "GET", "/status", &s)
				return s, err
			}
			out, isFile := cmd.OutOrStdout().(*os.File)
			if !isFile || !term.IsTerminal(int(out.Fd())) {
				s, err := ask(cmd.Context())
				if err == nil {
					s.screen(cmd.OutOrStdout(), 0, 0)
				}
				return err
			}
			return live(cmd.Context(), out, every, ask)
		},
	}
	cmd.Flags().DurationVar(&every, "every", every, "time from one picture to the next")
	return cmd
}

// live draws the screen until a key says that it is enough.
func live(ctx context.Context, out *os.File, every time.Duration, ask func(context.Context) (Status, error)) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if old, err := term.MakeRaw(int(os.Stdin.Fd())); err == nil {
		defer term.Restore(int(os.Stdin.Fd()), old)
		go readKeys(stop) // it ends with the process
	}
	const enter, leave = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
	fmt.Fprint(out, enter)
	defer fmt.Fprint(out, leave)
	beat := time.NewTicker(max(every, 100*time.Millisecond))
	defer beat.Stop()
	for {
		s, err := ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		width, height, _ := term.GetSize(int(out.Fd()))
		var picture bytes.Buffer
		s.screen(&picture, width, height)
		fmt.Fprint(out, "\x1b[H\x1b[J", strings.ReplaceAll(picture.String(), "\n", "\r\n"))
		select {
		case <-beat.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// readKeys waits for q, Escape or Ctrl-C.
func readKeys(enough func()) {
	key := make([]byte, 1)
	for {
		if n, err := os.Stdin.Read(key); err != nil || n == 1 && strings.ContainsRune("qQ\x03\x1b", rune(key[0])) {
			enough()
			return
		}
	}
}

// screen draws a status on so many columns and lines; 0: as many as it takes.
func (s Status) screen(w io.Writer, columns, rows int) {
	var lines []string
	out := 0
	for _, one := range s.Services {
		state := ""
		if !one.Quorate {
			state = "  too few servers"
		}
		lines = append(lines, fmt.Sprintf("%-44s %8s %8s %9s %9s%s", one.Service.String()+" "+one.Name,
			rate(one.Rates.Connections), rate(one.Rates.InPackets), rate(one.Rates.InBytes), rate(one.Rates.OutBytes), state))
		for _, server := range one.Servers {
			state := "in"
			if !server.In {
				state, out = "OUT "+server.Why, out+1
			}
			lines = append(lines, fmt.Sprintf("  %-26s %-6s %5d %7d %8s %8s %9s %9s  %s", server.Server.Address, server.Server.Forward, server.Server.Weight,
				server.Active, rate(server.Rates.Connections), rate(server.Rates.InPackets), rate(server.Rates.InBytes), rate(server.Rates.OutBytes), state))
		}
	}
	for _, one := range s.Watches {
		if one.Failing {
			lines = append(lines, fmt.Sprintf("watch %s %s fails since %s: %s", one.Group, one.Service, one.Since.Format(time.TimeOnly), one.Summary))
		}
	}
	head := []string{
		fmt.Sprintf("holdfast director: plane %s, %d services, %d servers out", s.Plane, len(s.Services), out),
		fmt.Sprintf("%-28s %-6s %5s %7s %8s %8s %9s %9s", "", "", "weight", "active", "conn/s", "packets/s", "in B/s", "out B/s"),
	}
	for i, line := range append(head, lines...) {
		if rows > 0 && i == rows-1 {
			fmt.Fprintf(w, "… %d more lines", len(lines)+len(head)-i)
			return
		}
		if columns > 0 && len([]rune(line)) > columns {
			line = string([]rune(line)[:columns])
		}
		fmt.Fprintln(w, line)
	}
}

// rate writes a number in few letters.
func rate(n uint64) string {
	for _, unit := range []string{"", "K", "M", "G"} {
		if n < 10_000 {
			return fmt.Sprint(n) + unit
		}
		n /= 1000
	}
	return fmt.Sprint(n) + "T"
}
