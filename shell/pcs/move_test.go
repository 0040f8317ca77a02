package pcs

import (
	"strings"
	"testing"
)

// What is wished of a host takes the place of any wish there was, a ban's too; a ban of what is promoted is for the host where it is.
func TestWishesAndBans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, document string }{
		{"constraint location e avoids n1", `!id="cli-ban-e-on-n1"`},
		{"constraint location e avoids n2", `id="cli-ban-e-on-n1"`},
		{"resource bundle update b meta x=1", `<bundle id="b"><meta_attributes id="b-meta_attributes">`},
		{"resource ban pr-clone --promoted", `<rsc_location id="cli-ban-pr-clone-on-n1" rsc="pr-clone" role="Promoted" node="n1" score="-INFINITY"/>`},
	} {
		printed, document, status := callOn(t, cloned, c.command)
		left, unwanted := strings.CutPrefix(c.document, "!")
		if status != 0 || strings.Contains(document, left) == unwanted {
			t.Errorf("%s: status %d: %s; left, where %q was expected,\n%s", c.command, status, printed, c.document, document)
		}
	}
}
