package watchdog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A pipe's other end keeps the time. Each line is an order to it: "timeout MS" arms it, "feed" puts the
// reset off, "disarm" ends it. A line is far below PIPE_BUF, so it is written whole.

type pipeDevice struct {
	file    *os.File
	timeout time.Duration
}

func openPipe(path string, timeout time.Duration) (Device, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENXIO) {
		return nil, fmt.Errorf("open watchdog %s: nobody reads the pipe", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open watchdog: %w", err)
	}
	d := &pipeDevice{file: file, timeout: timeout}
	if err := d.order("timeout " + strconv.FormatInt(timeout.Milliseconds(), 10)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return d, nil
}

func (d *pipeDevice) order(line string) error {
	if _, err := io.WriteString(d.file, line+"\n"); err != nil {
		return fmt.Errorf("watchdog %s: %s: %w", d.file.Name(), line, err)
	}
	return nil
}

func (d *pipeDevice) Feed() error            { return d.order("feed") }
func (d *pipeDevice) Timeout() time.Duration { return d.timeout }
func (d *pipeDevice) Close() error           { return d.file.Close() }
func (d *pipeDevice) Disarm() error          { return errors.Join(d.order("disarm"), d.file.Close()) }

// Serve plays the watchdog at the other end of a pipe until orders ends: it calls reset each time that
// the time since the last order that fed it reaches the limit. Whatever was ordered before the reset
// does not count for the machine that boots after it.
func Serve(orders io.Reader, reset func()) error {
	lines := bufio.NewScanner(orders)
	var timer *time.Timer
	var limit time.Duration
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	for lines.Scan() {
		if timer != nil {
			timer.Stop()
		}
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "timeout":
			ms, err := strconv.ParseInt(value, 10, 64)
			if err != nil || ms <= 0 || ms > int64(time.Hour/time.Millisecond) {
				return fmt.Errorf("watchdog's pipe: %q: expected timeout and milliseconds", lines.Text())
			}
			limit = time.Duration(ms) * time.Millisecond
		case "feed":
		case "disarm":
			limit = 0
		default:
			return fmt.Errorf("watchdog's pipe: %q: expected timeout, feed or disarm", lines.Text())
		}
		if limit > 0 {
			timer = time.AfterFunc(limit, reset)
		}
	}
	return lines.Err()
}
