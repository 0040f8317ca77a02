// Package exit names the exit statuses of Pacemaker's tools, which scripts test for.
package exit

import (
	"errors"
	"io/fs"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// The statuses, as crm_error -X lists them.
const (
	OK           = 0
	Error        = 1
	InvalidParam = 2
	Unimplement  = 3
	NoPermission = 4
	NotInstalled = 5
	NotConfigure = 6
	NotRunning   = 7
	Usage        = 64
	DataError    = 65
	NoInput      = 66
	NoHost       = 68
	Unavailable  = 69
	Software     = 70
	CannotCreate = 73
	IOError      = 74
	Protocol     = 76
	Config       = 78
	Disconnect   = 102
	Old          = 103
	DiffFailed   = 104
	NoSuch       = 105
	Quorum       = 106
	Unsafe       = 107
	Exists       = 108
	Multiple     = 109
	Expired      = 110
	NotYet       = 111
	Indeterm     = 112
	Unsatisfied  = 113
	Timeout      = 124
)

// ErrUnsafe says that an action wants --force.
var ErrUnsafe = errors.New("this may destroy data; give --force to do it all the same")

// ErrUsage says that a command line is wrong.
var ErrUsage = errors.New("wrong command line")

// ErrProtocol says that what was asked for is nothing that can be asked for there.
var ErrProtocol = errors.New("no such request")

// Of returns the status that tells of an error.
func Of(err error) int {
	var syntax *cib.SyntaxError
	for _, c := range []struct {
		is     error
		status int
	}{
		{nil, OK}, {ErrUnsafe, Unsafe}, {ErrUsage, Usage}, {ErrProtocol, Protocol},
		{cib.ErrNotFound, NoSuch}, {cib.ErrExists, Exists}, {cib.ErrOlder, Old}, {cib.ErrDenied, NoPermission},
		{cib.ErrSchema, Config}, {cib.ErrPatch, DiffFailed}, {cib.ErrInput, DataError}, {cib.ErrUnfit, Software},
		{client.ErrNoDaemon, Disconnect}, {client.NotSetUp, Disconnect}, {client.NotFound, NoSuch}, {client.Exists, Exists}, {client.Denied, NoPermission},
		{client.NoQuorum, Quorum}, {client.TimedOut, Timeout}, {client.Conflict, Old}, {client.Invalid, Config},
		{fs.ErrNotExist, NoInput}, {fs.ErrPermission, NoPermission},
	} {
		if errors.Is(err, c.is) {
			return c.status
		}
	}
	if errors.As(err, &syntax) {
		return DataError
	}
	return Error
}
