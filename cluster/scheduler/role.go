package scheduler

// role is what a resource is on a host.
type role uint8

const (
	roleUnknown role = iota
	roleStopped
	roleStarted
	roleUnpromoted
	rolePromoted
)

var roleNames = [...]string{"Unknown", "Stopped", "Started", "Unpromoted", "Promoted"}

func (r role) String() string { return roleNames[r] }

// parseRole reads a role under its present or former name; roleUnknown when it is none.
func parseRole(text string) role {
	switch lower(text) {
	case "stopped":
		return roleStopped
	case "started":
		return roleStarted
	case "unpromoted", "slave":
		return roleUnpromoted
	case "promoted", "master":
		return rolePromoted
	}
	return roleUnknown
}
