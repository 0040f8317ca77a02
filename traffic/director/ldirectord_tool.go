package director

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The exit statuses of ldirectord.
const (
	ldirectordDone    = 0
	ldirectordFailed  = 1
	ldirectordStopped = 3 // of status
)

// patience is how long a director may take to begin or to end.
const patience = 30 * time.Second

const ldirectordHelp = `ldirectord: a director for a configuration in the language of ldirectord.cf

  ldirectord [-d] [FILE] start | stop | restart | try-restart | reload | force-reload | status

FILE is looked for as it is, then in /etc/ha.d/conf and /etc/ha.d; default /etc/ha.d/ldirectord.cf.
-d, or supervised = yes in the file: stay in the foreground and write to standard error.
It is holdfast director --language ldirectord; 'holdfast director top --name ldirectord.FILE' shows it live.

Example:
  ldirectord web.cf start
`

// Ldirectord is the command of that name (ldirectord(8)).
func Ldirectord(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	foreground, action := false, ""
	var words []string
	for _, word := range args {
		switch word {
		case "-d", "--debug":
			foreground = true
		case "--":
		case "-h", "-?", "--help":
			fmt.Fprint(stdout, ldirectordHelp)
			return ldirectordDone
		case "-v", "--version":
			fmt.Fprintln(stdout, "ldirectord of Holdfast")
			return ldirectordDone
		default:
			words = append(words, word)
		}
	}
	if len(words) > 0 {
		action, words = words[len(words)-1], words[:len(words)-1]
	}
	actions := []string{"start", "stop", "restart", "try-restart", "reload", "force-reload", "status"}
	if len(words) > 1 || !slices.Contains(actions, action) {
		fmt.Fprintf(stderr, "ldirectord: want [FILE] and one of %s\n", strings.Join(actions, ", "))
		return ldirectordFailed
	}
	file, err := ldirectordFile(words)
	if err != nil {
		fmt.Fprintf(stderr, "ldirectord: %v\n", err)
		return ldirectordFailed
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	name, root := "ldirectord."+strings.TrimSuffix(filepath.Base(file), ".cf"), os.Getenv("HOLDFAST_ROOT")
	b := Background{
		File: file, Language: "ldirectord", Name: name, Root: root, Log: "/var/log/ldirectord.log",
		PIDFile: filepath.Join("/", root, "run", name+".pid"), // as units name it: PIDFile=/var/run/ldirectord.NAME.pid
	}
	if foreground && action == "start" {
		err = (&options{file: file, language: b.Language, name: b.Name, root: b.Root, plane: "auto"}).foreground(stderr)
	} else {
		var status int
		if status, err = b.act(ctx, action, stdout); err == nil {
			return status
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "ldirectord: %v\n", err)
		return ldirectordFailed
	}
	return ldirectordDone
}

// foreground runs until it is told to end.
func (o *options) foreground(errors io.Writer) error {
	c, err := o.read(context.Background())
	if err != nil {
		return err
	}
	return o.run(context.Background(), errors, c)
}

func ldirectordFile(words []string) (string, error) {
	name := "/etc/ha.d/ldirectord.cf"
	if len(words) > 0 {
		name = words[0]
	}
	for _, dir := range []string{"", "/etc/ha.d/conf", "/etc/ha.d"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("there is no configuration %s, nor one of that name in /etc/ha.d/conf or /etc/ha.d", name)
}

// act starts, stops or asks a director in the background.
func (b Background) act(ctx context.Context, action string, stdout io.Writer) (int, error) {
	pid, err := b.Running(ctx)
	switch action {
	case "status":
		if err != nil {
			return 0, err
		}
		if pid != 0 {
			fmt.Fprintf(stdout, "ldirectord for %s is running with pid: %d\n", b.File, pid)
			return ldirectordDone, nil
		}
		fmt.Fprintf(stdout, "ldirectord is stopped for %s\n", b.File)
		return ldirectordStopped, nil
	case "reload", "force-reload":
		return ldirectordDone, b.Reload(ctx)
	case "try-restart":
		if pid == 0 && err == nil {
			return ldirectordDone, nil
		}
	}
	// A file that is wrong stops nothing.
	if action != "stop" {
		if _, err := ReadFile(ctx, b.File, b.Language, ""); err != nil {
			return 0, err
		}
	}
	if action != "start" {
		if err := b.Stop(ctx); err != nil {
			return 0, err
		}
	}
	if action == "stop" {
		return ldirectordDone, nil
	}
	return ldirectordDone, b.Start(ctx)
}
