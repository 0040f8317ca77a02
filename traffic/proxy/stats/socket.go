package stats

import (
	"sync"
	"time"

	"holdfast/traffic/proxy/accesslog"
	"holdfast/traffic/proxy/peers"
	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/pool"
)

// Level is what a connection to the run-time socket may do.
type Level int

// The levels; each may what those before it may.
const (
	User Level = iota
	Operator
	Administrator
)

var levels = map[string]Level{"user": User, "operator": Operator, "admin": Administrator}

// String is the level's name in the configuration.
func (l Level) String() string { return levelNames[l] }

var levelNames = [...]string{User: "user", Operator: "operator", Administrator: "admin"}

// LevelOf is the level that a configuration names.
func LevelOf(name string) Level { return levels[name] }

// Server answers on run-time sockets.
type Server struct {
	Plane   *plane.Plane
	Version string
	Node    string
	Started time.Time
	Now     func() time.Time

	Timeout time.Duration
	Peers   []*peers.Group
	Rings   map[string]*accesslog.Ring
	Dropped func() int64 // log lines that nobody took; nil: none are
	Health  Health
	Rename  func(s *pool.Server, name string) // has another name's addresses looked up for a server
	Warned  []string                          // what was said at the start

	mu    sync.Mutex // guards what follows
	asked time.Time  // when the processors' use was asked for last
	spent time.Duration
}

// Health is what asks servers and agents how they are.
type Health interface {
	Add(*pool.Server)
	Remove(*pool.Server)
}
