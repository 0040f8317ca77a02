package failover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// fault is a row of the report.
type fault struct {
	key     string
	name    string
	fencing bool
	hosts   layout
	racy    bool // what is asked for needs a machine that runs the hosts without delay
	watched bool // the service may be started once, and nowhere before it has stopped elsewhere
	// verdict stands in the place of the outage where that says nothing about the cluster: its
	// client suffers as well.
	verdict string
	// inject breaks something, waits until the service is as it should be again, and returns
	// the moment from which outages count.
	inject func(ctx context.Context, s *service) (lab.Moment, error)
}

// layout is a cluster to break.
type layout int

const (
	three     layout = iota
	witnessed        // two hosts with a quorum device
	pair             // two hosts without, each of which counts as quorate alone
	five
)

// notDead: a host that only suffers is not declared dead.
const notDead = "not declared dead"

var faults = []fault{
	{key: "kill", name: "active host killed, fencing on", fencing: true, inject: killActive},
	{key: "kill-unfenced", name: "active host killed, fencing off", fencing: false, inject: killActive},
	{key: "leader", name: "leader killed while not active", fencing: true, inject: killLeader},
	{key: "cut", name: "active host's links all cut, fencing on", fencing: true, inject: cutActive},
	{key: "crash", name: "web server killed, monitor every 1 s", fencing: true, inject: crashServer},
	{key: "move", name: "planned move", fencing: true, inject: plannedMove},
	{key: "daemon", name: "daemon killed and restarted", fencing: true, inject: restartDaemon},
	{key: "leave", name: "daemon of the active host told to stop (SIGTERM)", fencing: true, inject: stopDaemon},
	{key: "freeze", name: "active host frozen for 600 ms", fencing: true, inject: freezeActive, verdict: notDead},
	{key: "device", name: "link of two hosts with a witness cut, fencing on", fencing: true, hosts: witnessed, watched: true, inject: cutFromTheOther},
	{key: "pair", name: "link of two hosts cut, fencing on", fencing: true, hosts: pair, watched: true, racy: true, inject: cutFromTheOther},
	{key: "parted", name: "five hosts, active one in the smaller part, fenced", fencing: true, hosts: five, watched: true, inject: partFive},
	{key: "parted-unfenced", name: "five hosts, active one in the smaller part", hosts: five, watched: true, racy: true, inject: partFive},
	{key: "half", name: "active host and another do not hear each other", fencing: true, watched: true, racy: true, inject: halfBroken},
	{key: "one-way", name: "another host does not hear the active one", fencing: true, watched: true, racy: true, inject: oneWay},
	{key: "loss30", name: "all links lose 30 % of the packets for 10 s", fencing: true, watched: true, racy: true, inject: loseMuch, verdict: "one move at most, never on two hosts"},
	{key: "flap", name: "active host's link down and up every 2 s, 5 times", fencing: true, watched: true, racy: true, inject: flap},
	{key: "loss", name: "active host loses 10 % of its packets for 10 s", fencing: true, inject: loseActive, verdict: notDead},
}

func killActive(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at, err := active.Kill()
	if err != nil {
		return 0, err
	}
	_, err = s.poll.Await(ctx, at, notFrom(active.Name()))
	return at, err
}

// notFrom is an answer of any other host.
func notFrom(host string) func(lab.Answer) bool {
	return func(a lab.Answer) bool { return a.OK && a.Body != host }
}

func killLeader(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	leader := s.Leader(ctx)
	if leader == active.Name() {
		if _, err := s.move(ctx, s.other(leader).Name()); err != nil {
			return 0, err
		}
		settle(ctx)
	}
	at, err := s.Host(leader).Kill()
	if err != nil {
		return 0, err
	}
	return at, s.AwaitEvent(ctx, at, client.ViewAgreed)
}

func cutActive(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at, err := active.Cut(lab.AllLinks)
	if err != nil {
		return 0, err
	}
	_, err = s.poll.Await(ctx, at, notFrom(active.Name()))
	return at, err
}

// cutFromTheOther cuts the link between two hosts when the service is on the one that loses: the
// witness' tie breaker is against it, or the other's fencing is the faster.
func cutFromTheOther(ctx context.Context, s *service) (lab.Moment, error) {
	at := lab.Now()
	if err := s.Block([2]string{winner, loser}); err != nil {
		return 0, err
	}
	if _, err := s.poll.Await(ctx, at, lab.AnsweredBy(winner)); err != nil {
		return 0, err
	}
	return at, s.oneSurvives(at)
}

// toLoser moves the service to the host that is about to lose it.
func (s *service) toLoser(ctx context.Context) error {
	active, err := s.active(ctx)
	if err != nil || active.Name() == loser {
		return err
	}
	if _, err := s.move(ctx, loser); err != nil {
		return err
	}
	settle(ctx)
	return nil
}

// Of two hosts the witness' tie breaker is for the lowest id; of five the loser is in the smaller part.
const winner, loser = "web1", "web2"

// oneSurvives tells whether the winner, and nobody else, has fenced.
func (s *service) oneSurvives(since lab.Moment) error {
	fenced := false
	for _, e := range s.Events().Since(since) {
		if e.Kind != client.Fenced {
			continue
		}
		if e.Subject != loser {
			return fmt.Errorf("%s was fenced, which is to win", e.Subject)
		}
		fenced = true
	}
	if !fenced {
		return fmt.Errorf("%s serves, and %s was not fenced", winner, loser)
	}
	return nil
}

func crashServer(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	// The crash must not always come at the same moment of the monitor's second.
	select {
	case <-time.After(rand.N(time.Second)):
	case <-ctx.Done():
	}
	at := lab.Now()
	if _, err := active.Exec(ctx, "pkill", "-KILL", "-f", server); err != nil {
		return 0, err
	}
	killed := lab.Now()
	if _, err := s.poll.Await(ctx, at, func(a lab.Answer) bool { return !a.OK }); err != nil {
		return 0, err
	}
	_, err = s.poll.Await(ctx, killed, lab.Answered)
	return at, err
}

func plannedMove(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	return s.move(ctx, s.other(active.Name()).Name())
}

// restartDaemon kills the daemon of the active host and starts it anew, as systemd would.
func restartDaemon(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at := lab.Now()
	if _, err := active.Exec(ctx, "pkill", "-KILL", "-f", "^holdfast node"); err != nil {
		return 0, err
	}
	if err := startDaemon(active); err != nil {
		return 0, err
	}
	return at, s.Ready(ctx)
}

func startDaemon(h *lab.Host) error {
	_, err := h.Start(lab.Process{Command: lab.Command{
		Args: []string{"sh", "-c", "exec holdfast node >>/var/log/boot.log 2>&1"}, Detach: true,
	}})
	return err
}

// stopDaemon lets the active host's daemon hand its resources over and leave.
func stopDaemon(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at := lab.Now()
	stop := "pkill -TERM -f '^holdfast node'; while pgrep -f '^holdfast node' >/dev/null; do busybox usleep 10000; done"
	if _, err := active.Exec(ctx, "sh", "-c", stop); err != nil {
		return 0, fmt.Errorf("wait for the daemon to leave: %w", err)
	}
	if _, err := s.poll.Await(ctx, at, notFrom(active.Name())); err != nil {
		return 0, err
	}
	for _, e := range s.Events().Since(at) {
		if e.Kind == client.Fenced {
			return 0, fmt.Errorf("host %s was fenced although its daemon left in order", e.Subject)
		}
	}
	return at, startDaemon(active)
}

func freezeActive(ctx context.Context, s *service) (lab.Moment, error) {
	return s.undisturbed(ctx, (*lab.Host).Freeze, 600*time.Millisecond, (*lab.Host).Thaw)
}

func loseActive(ctx context.Context, s *service) (lab.Moment, error) {
	lose := func(h *lab.Host) (lab.Moment, error) { return lab.Now(), h.Lose(lab.AllLinks, 10) }
	return s.undisturbed(ctx, lose, 10*time.Second, func(h *lab.Host) error { return h.Lose(lab.AllLinks, 0) })
}

// undisturbed lets the active host suffer for a while, and fails if the cluster takes it for dead.
func (s *service) undisturbed(ctx context.Context, begin func(*lab.Host) (lab.Moment, error), last time.Duration, end func(*lab.Host) error) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at, err := begin(active)
	if err != nil {
		return 0, err
	}
	select {
	case <-time.After(last):
	case <-ctx.Done():
	}
	if err := end(active); err != nil {
		return 0, err
	}
	settle(ctx)
	for _, e := range s.Events().Since(at) {
		if e.Kind == client.HostDead || e.Kind == client.Fenced {
			return 0, fmt.Errorf("host %s told %s of %s, which only suffered", e.Host, e.Kind, e.Subject)
		}
	}
	return at, nil
}
