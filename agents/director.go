package agents

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast/traffic/director"
)

// balancer is a director as a cluster's resource.
var balancer = agent{
	metadata: directorMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startDirector, "stop": stopDirector, "monitor": monitorDirector, "status": monitorDirector,
		"reload": reloadDirector, "validate-all": validateDirector,
	},
}

const directorMetadata = `<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="director" version="1.0">
<version>1.1</version>
<longdesc lang="en">A load balancer at layer 4: runs the virtual services of a configuration in the language of ldirectord.cf, keepalived.conf or
mon.cf. As a clone it keeps its checks warm on every host; the floating addresses decide which one has the clients.</longdesc>
<shortdesc lang="en">Load balancer at layer 4</shortdesc>
<parameters>
<parameter name="configfile" required="1" unique="1">
<longdesc lang="en">The configuration.</longdesc>
<shortdesc lang="en">Configuration file</shortdesc>
<content type="string"/>
</parameter>
<parameter name="language">
<longdesc lang="en">Language of the configuration: ldirectord, keepalived or mon. Default: what it looks like.</longdesc>
<shortdesc lang="en">Language</shortdesc>
<content type="string"/>
</parameter>
<parameter name="plane">
<longdesc lang="en">What forwards packets: auto, or the name of a data plane.</longdesc>
<shortdesc lang="en">Data plane</shortdesc>
<content type="string" default="auto"/>
</parameter>
<parameter name="logfile">
<longdesc lang="en">Where it writes what happens.</longdesc>
<shortdesc lang="en">Log file</shortdesc>
<content type="string" default="/var/log/holdfast/director.log"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="30s"/>
<action name="stop" timeout="30s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0"/>
<action name="reload" timeout="20s"/>
<action name="validate-all" timeout="20s"/>
<action name="meta-data" timeout="5s"/>
</actions>
</resource-agent>
`

func (c Call) director() director.Background {
	return director.Background{
		File: c.parameter("configfile", ""), Language: c.parameter("language", ""), Name: "resource-" + c.instance(),
		Plane: c.parameter("plane", "auto"), Root: c.Getenv("HOLDFAST_ROOT"), Log: c.parameter("logfile", "/var/log/holdfast/director.log"),
	}
}

// directorTime is how long a director may take; the cluster's own timeout is shorter in practice.
const directorTime = time.Minute

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
		if _, running := b.Running(ctx); running {
			return success, nil
		}
		return notRunning, nil
	})
}
