package director

import (
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
		Long: "Shows services, real servers, their checks and rates, again and again. Without a terminal it prints once.\n\n" +
			"Keys: s sorts by the next column, / shows only what has some words in it, o only servers that are out, c what is asked of servers,\n" +
			"arrows and pages scroll, space looks at once, q or Ctrl-C ends. There is no colour when NO_COLOR is set.",
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
					_, err = fmt.Fprint(cmd.OutOrStdout(), screen{status: s, now: time.Now(), checks: true}.all())
				}
				return err
			}
			return live(cmd.Context(), os.Stdin, out, max(every, 100*time.Millisecond), ask)
		},
	}
	cmd.Flags().DurationVar(&every, "every", every, "time from one picture to the next")
	return cmd
}

// picture is a status, or why there is none.
type picture struct {
	status Status
	err    error
}

// live draws the screen until a key says that it is enough. A director that ends, or is not there yet, is waited for.
func live(ctx context.Context, in, out *os.File, every time.Duration, ask func(context.Context) (Status, error)) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	typed := make(chan string)
	if old, err := term.MakeRaw(int(in.Fd())); err == nil {
		defer term.Restore(int(in.Fd()), old)
		go readKeys(ctx, in, typed) // it ends with the process
	}
	const enter, leave = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
	fmt.Fprint(out, enter)
	defer fmt.Fprint(out, leave)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	pictures, again := make(chan picture), make(chan struct{}, 1)
	go askAll(ctx, every, ask, again, pictures)
	s := screen{colour: os.Getenv("NO_COLOR") == ""}
	for {
		if width, height, err := term.GetSize(int(out.Fd())); err == nil {
			s.columns, s.rows = width, height
		}
		fmt.Fprint(out, "\x1b[H", strings.ReplaceAll(s.draw(), "\n", "\x1b[K\r\n"), "\x1b[J")
		select {
		case p := <-pictures:
			s.take(p, time.Now())
		case read := <-typed:
			for _, key := range keysOf(read) {
				switch s.press(key) {
				case leaves:
					return nil
				case looks:
					select {
					case again <- struct{}{}:
					default: // it will look already
					}
				}
			}
		case <-resized:
		case <-ctx.Done():
			return nil
		}
	}
}

// askAll asks again and again until ctx ends, and whenever it is told to.
func askAll(ctx context.Context, every time.Duration, ask func(context.Context) (Status, error), again <-chan struct{}, to chan<- picture) {
	beat := time.NewTicker(every)
	defer beat.Stop()
	for {
		s, err := ask(ctx)
		select {
		case to <- picture{s, err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-beat.C:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// readKeys hands on what is typed.
func readKeys(ctx context.Context, in io.Reader, to chan<- string) {
	b := make([]byte, 256)
	for {
		n, err := in.Read(b)
		if err != nil {
			return
		}
		select {
		case to <- string(b[:n]):
		case <-ctx.Done():
			return
		}
	}
}
