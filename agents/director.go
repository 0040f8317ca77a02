package agents

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/director"
	"holdfast/traffic/director/plane/detect"
)

// balancer is a director as a cluster's resource.
var balancer = agent{
	metadata: directorMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startDirector, "stop": stopDirector, "monitor": monitorDirector, "status": monitorDirector,
		"reload": reloadDirector, "validate-all": validateDirector,
	},
}

var directorMetadata = metadata{
	name: "director", short: "Load balancer at layer 4", timeout: "30s", more: []string{"reload"},
	long: "A load balancer at layer 4: runs the virtual services of a configuration in the language of ldirectord.cf, keepalived.conf or mon.cf. As a clone it keeps its checks warm on every host; the floating addresses decide which one has the clients.",
	parameters: []parameter{
		{name: "configfile", short: "Configuration file", long: "The configuration.", required: true, unique: true},
		{name: "language", short: "Language", long: "Language of the configuration: ldirectord, keepalived or mon. Default: what it looks like."},
		{name: "plane", short: "Data plane", long: "What forwards packets: auto, or the name of a data plane.", standard: "auto"},
		{name: "logfile", short: "Log file", long: "Where it writes what happens.", standard: "/var/log/holdfast/director.log"},
	},
}

func (c Call) director() director.Background {
	return director.Background{
		File: c.parameter("configfile", ""), Language: c.parameter("language", ""), Name: "resource-" + c.instance(),
		Plane: c.parameter("plane", "auto"), Root: c.Getenv("HOLDFAST_ROOT"), Log: c.parameter("logfile", "/var/log/holdfast/director.log"),
	}
}

// directorTime is how long a director may take: less than the cluster gives, which would not learn what was wrong.
const directorTime = 25 * time.Second

func withDirector(c Call, do func(context.Context, director.Background) (int, error)) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), directorTime)
	defer cancel()
	b := c.director()
	if b.File == "" || !filepath.IsAbs(b.File) {
		return badConfigured, fmt.Errorf("parameter configfile of %s is %q: want the path of a file", c.instance(), b.File)
	}
	return do(ctx, b)
}

func validateDirector(c Call) (int, error) {
	return withDirector(c, func(ctx context.Context, b director.Background) (int, error) {
		if b.Plane != "auto" && !slices.Contains(detect.Names(), b.Plane) {
			return badConfigured, fmt.Errorf("parameter plane of %s is %q: want auto or one of %s", c.instance(), b.Plane, strings.Join(detect.Names(), ", "))
		}
		if _, err := os.Stat(b.File); err != nil {
			return notInstalled, err
		}
		if _, err := director.ReadFile(ctx, b.File, b.Language, ""); err != nil {
			return badConfigured, err
		}
		return success, nil
	})
}

func startDirector(c Call) (int, error) {
	if status, err := validateDirector(c); status != success {
		return status, err
	}
	return withDirector(c, func(ctx context.Context, b director.Background) (int, error) {
		if err := b.Start(ctx); err != nil {
			return genericError, err
		}
		return success, nil
	})
}

func stopDirector(c Call) (int, error) {
	return withDirector(c, func(ctx context.Context, b director.Background) (int, error) {
		if err := b.Stop(ctx); err != nil {
			return genericError, err
		}
		return success, nil
	})
}

func reloadDirector(c Call) (int, error) {
	return withDirector(c, func(ctx context.Context, b director.Background) (int, error) {
		if err := b.Reload(ctx); err != nil {
			return genericError, err
		}
		return success, nil
	})
}

func monitorDirector(c Call) (int, error) {
	return withDirector(c, func(ctx context.Context, b director.Background) (int, error) {
		pid, err := b.Running(ctx)
		switch {
		case err != nil:
			return genericError, err
		case pid == 0:
			return notRunning, nil
		}
		return success, nil
	})
}
