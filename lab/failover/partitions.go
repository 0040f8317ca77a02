package failover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// partFive divides five hosts: the active one and another on one side, three on the other.
func partFive(ctx context.Context, s *service) (lab.Moment, error) {
	at := lab.Now()
	if err := s.Partition([]string{loser, "web4"}, []string{winner, "web3", "web5"}); err != nil {
		return 0, err
	}
	_, err := s.poll.Await(ctx, at, func(a lab.Answer) bool { return a.OK && a.Body != loser && a.Body != "web4" })
	return at, err
}

// halfBroken lets the active host and another not hear each other, while the third hears both.
func halfBroken(ctx context.Context, s *service) (lab.Moment, error) {
	return s.suffer(ctx, 6*time.Second, func(active, other string) error { return s.Block([2]string{active, other}) })
}

// oneWay lets another host not hear the active one, which hears it.
func oneWay(ctx context.Context, s *service) (lab.Moment, error) {
	return s.suffer(ctx, 6*time.Second, func(active, other string) error { return s.Silence([2]string{active, other}) })
}

// loseMuch loses nearly a third of the packets between hosts. Those between two of them meet it twice, so
// that each host's share is a sixth.
func loseMuch(ctx context.Context, s *service) (lab.Moment, error) {
	return s.suffer(ctx, 10*time.Second, func(string, string) error {
		var all error
		for _, h := range s.Hosts() {
			all = errors.Join(all, h.Lose(lab.AllLinks, 16.3))
		}
		return all
	})
}

// flap cuts the active host's link for two seconds, mends it for two, and so on.
func flap(ctx context.Context, s *service) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at := lab.Now()
	for range 5 {
		if _, err := active.Cut(lab.AllLinks); err != nil {
			return 0, err
		}
		pause(ctx, 2*time.Second)
		if err := active.Heal(lab.AllLinks); err != nil {
			return 0, err
		}
		pause(ctx, 2*time.Second)
	}
	_, err = s.poll.Await(ctx, lab.Now(), lab.Answered)
	return at, err
}

// suffer does some harm for a while; somebody has to serve at its end.
func (s *service) suffer(ctx context.Context, long time.Duration, harm func(active, other string) error) (lab.Moment, error) {
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	at := lab.Now()
	if err := harm(active.Name(), s.other(active.Name()).Name()); err != nil {
		return 0, err
	}
	pause(ctx, long)
	if _, err := s.poll.Await(ctx, lab.Now(), lab.Answered); err != nil {
		return 0, fmt.Errorf("nobody serves any more: %w", err)
	}
	dead := map[string]bool{}
	for _, e := range s.Events().Since(at) {
		if e.Kind == client.Fenced && e.Code == 0 {
			dead[e.Subject] = true
		}
	}
	if len(dead) > 1 {
		return 0, fmt.Errorf("%d hosts were fenced, where one had to go at most", len(dead))
	}
	return at, nil
}

func pause(ctx context.Context, long time.Duration) {
	select {
	case <-time.After(long):
	case <-ctx.Done():
	}
}
