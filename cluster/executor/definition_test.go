package executor

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// describing is an agent that says actions about itself, and writes down what it is called for.
func describing(actions string) string {
	return `echo "$1" >> $D/calls
if [ "$1" = meta-data ]; then cat <<END
<resource-agent name="agent"><version>1.1</version><parameters>
<parameter name="state" unique="1"><content type="string"/></parameter>
<parameter name="port"><content type="string"/></parameter>
<parameter name="level" reloadable="1"><content type="string"/></parameter>
<parameter name="passwd" reloadable="1"><content type="string"/></parameter>
</parameters><actions><action name="start" timeout="5s"/>` + actions + `</actions></resource-agent>
END
fi
exit 0`
}

func TestDefinitionOfAnAgent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		actions string
		want    Definition
		reload  string
	}{
		"takes no changes over": {"", Definition{Private: []string{"passwd"}}, "reload-agent"},
		"OCF 1.1":               {`<action name="reload-agent"/><action name="reload"/>`, Definition{Reloads: true, Restart: []string{"state", "port"}, Private: []string{"passwd"}}, "reload-agent"},
		"before OCF 1.1":        {`<action name="reload"/>`, Definition{Reloads: true, Restart: []string{"state"}, Private: []string{"passwd"}}, "reload"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExecutor(t, describing(test.actions))
			got := e.Run(context.Background(), op("start"))
			if got.Definition == nil {
				t.Fatalf("no definition: %+v", got)
			}
			if diff := cmp.Diff(test.want, *got.Definition); diff != "" {
				t.Error(diff)
			}
			if action := e.reloadAction(op("").Agent); action != test.reload {
				t.Errorf("changes are brought by %s, want %s", action, test.reload)
			}
		})
	}
}

func TestAgentWithoutMetadataStillWorks(t *testing.T) {
	t.Parallel()
	e := newExecutor(t, `[ "$1" = meta-data ] && exit 3; exit 0`)
	if got := e.Run(context.Background(), op("start")); got.Code != 0 || got.Status != Done || got.Definition != nil {
		t.Errorf("got %+v; want success without a definition", got)
	}
}
