package director

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/traffic/director/config"
	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/pool"
	"holdfast/traffic/director/table"
	"holdfast/traffic/program"
)

// Daemon runs a configuration on a plane.
type Daemon struct {
	log    *slog.Logger
	plane  plane.Plane
	events chan func() // run by the goroutine of Run; nothing else touches what follows

	config   *config.Config
	pools    []*pool.Pool
	leaving  leaving
	applied  table.Table // what of ours the plane has, as far as is known
	unsure   bool        // an error came in between: the plane has to be read
	verdicts map[string]verdict
	asking   map[string]*asker // by what they ask
	watches  *watching
	places   map[string][]place // where verdicts belong, by the same
	tellers  map[string]*teller // by service
	pipes    program.Pipes

	running sync.WaitGroup // every goroutine but Run's and those that tell
	telling sync.WaitGroup
	ctx     context.Context
	stop    context.CancelFunc
	began   time.Time
	control atomic.Pointer[http.Server]
}

// verdict is what is known of a check.
type verdict struct {
	passed bool
	weight int // that the server says; pool.AsConfigured if it says none
	why    string
	since  time.Time
}

// place is a check of a server of a pool.
type place struct {
	pool          *pool.Pool
	server, check int
}

// New makes a daemon. Nothing is touched before Run.
func New(c *config.Config, p plane.Plane, log *slog.Logger) *Daemon {
	d := &Daemon{
		log: log, plane: p, config: c, events: make(chan func(), 1024), applied: table.Table{}, verdicts: map[string]verdict{},
		asking: map[string]*asker{}, tellers: map[string]*teller{},
	}
	d.pipes.Log = log
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// Run runs until ctx ends. Its error says what could not be begun; the plane is as it was then.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.stop()
	d.began = time.Now()
	if err := d.config.Begin.Run(ctx); err != nil {
		d.log.Error("the script at the start failed", "error", err)
	}
	defer func() {
		if err := d.config.End.Run(context.WithoutCancel(ctx)); err != nil {
			d.log.Error("the script at the end failed", "error", err)
		}
	}()
	if err := d.begin(); err != nil {
		return err
	}
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for {
		select {
		case event := <-d.events:
			event()
		case <-retry.C:
			if d.unsure {
				d.settle()
			}
			if d.lookAfter() {
				d.settle()
			}
			d.remind()
		case <-ctx.Done():
			return d.end()
		}
	}
}

// retryEvery is how often changes are tried again that the plane refused.
const retryEvery = 5 * time.Second

// begin puts the first configuration in force.
func (d *Daemon) begin() error {
	if err := d.fits(d.config); err != nil {
		return err
	}
	actual, err := d.plane.Table()
	if err != nil {
		return err
	}
	if d.config.Flush {
		ours := keys(d.config)
		maps.DeleteFunc(actual, func(k table.Key, _ table.Service) bool { return ours[k] })
		if err := d.plane.Apply(table.Difference(actual, nil)); err != nil {
			return fmt.Errorf("flush the table: %w", err)
		}
	}
	if err := d.setPlane(nil, d.config); err != nil {
		return err
	}
	d.pools = d.makePools(d.config)
	d.unsure = true // what an earlier director left is taken over
	if err := d.apply(); err != nil {
		return err
	}
	d.pipes.Lay(d.ctx, &d.telling, d.config.Pipes)
	d.start()
	for _, p := range d.pools {
		d.tell(p.Begin())
	}
	d.running.Go(func() { d.watchMaintenance(d.ctx) })
	return nil
}

func keys(c *config.Config) map[table.Key]bool {
	all := map[table.Key]bool{}
	for _, s := range c.Services {
		for _, k := range s.Keys {
			all[k] = true
		}
	}
	return all
}

// setPlane sets timeouts, and starts and ends what differs of the exchange of connections, of a plane that fits.
func (d *Daemon) setPlane(was []plane.Sync, c *config.Config) error {
	if c.Timeouts != (plane.Timeouts{}) {
		if err := d.plane.(plane.Timed).SetTimeouts(c.Timeouts); err != nil {
			return err
		}
	}
	for _, s := range was {
		if slices.Contains(c.Syncs, s) {
			continue
		}
		if err := d.plane.(plane.Synchronized).StopSync(s.Role); err != nil && !errors.Is(err, table.ErrNotFound) {
			return err
		}
	}
	for _, s := range c.Syncs {
		if err := d.plane.(plane.Synchronized).StartSync(s); err != nil && !errors.Is(err, table.ErrExists) {
			return err
		}
	}
	return nil
}

// makePools makes the pools of a configuration, with what is known already.
func (d *Daemon) makePools(c *config.Config) []*pool.Pool {
	was := map[table.Key]*pool.Pool{}
	for _, p := range d.pools {
		was[p.Config.Keys[0]] = p
	}
	var all []*pool.Pool
	for i := range c.Services {
		s := &c.Services[i]
		known := func(server, check int) (bool, string, bool) {
			v, ok := d.verdicts[identity(s, server, check)]
			return v.passed, v.why, ok
		}
		p := pool.New(s, known, was[s.Keys[0]])
		for server := range s.Servers {
			for check := range s.Servers[server].Checks {
				if v, ok := d.verdicts[identity(s, server, check)]; ok {
					p.Weigh(server, check, v.weight)
				}
			}
		}
		all = append(all, p)
	}
	return all
}

// Reload replaces the configuration. It returns when the new one is in force; after an error the old one goes on. Connections of servers that
// are no longer in it finish.
func (d *Daemon) Reload(ctx context.Context, c *config.Config) error {
	return d.do(ctx, func() error {
		if err := d.fits(c); err != nil {
			return err
		}
		old, oldPools, oldLeaving := d.config, d.pools, d.leaving
		if err := d.setPlane(old.Syncs, c); err != nil {
			return errors.Join(err, d.setPlane(c.Syncs, old))
		}
		d.config, d.pools, d.leaving = c, d.makePools(c), leave(d.applied, c)
		d.lookAfter() // those that have no connections go at once
		if err := d.apply(); err != nil {
			d.config, d.pools, d.leaving = old, oldPools, oldLeaving
			return errors.Join(err, d.setPlane(c.Syncs, old), d.apply())
		}
		d.pipes.Lay(d.ctx, &d.telling, c.Pipes)
		d.start()
		return nil
	})
}

// do runs something on the goroutine of Run, and waits for it.
func (d *Daemon) do(ctx context.Context, what func() error) error {
	done := make(chan error, 1)
	select {
	case d.events <- func() { done <- what() }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post hands an event to Run, unless the daemon ends.
func (d *Daemon) post(event func()) {
	select {
	case d.events <- event:
	case <-d.ctx.Done():
	}
}

// apply brings the plane to what all pools want.
func (d *Daemon) apply() error {
	wanted := table.Table{}
	for _, p := range d.pools {
		for _, s := range d.wanted(p) {
			wanted[s.Key] = s
		}
	}
	if d.unsure {
		actual, err := d.plane.Table()
		if err != nil {
			return err
		}
		maps.DeleteFunc(actual, func(k table.Key, _ table.Service) bool {
			_, ours := wanted[k]
			_, was := d.applied[k]
			return !ours && !was
		})
		d.applied = actual
	}
	if err := d.plane.Apply(table.Difference(d.applied, wanted)); err != nil {
		d.unsure = true
		return err
	}
	d.applied, d.unsure = wanted, false
	return nil
}

// update brings the plane to what one pool wants: all else stays as it is.
func (d *Daemon) update(p *pool.Pool) {
	if d.unsure {
		d.settle()
		return
	}
	var changes []table.Change
	wanted := d.wanted(p)
	for _, s := range wanted {
		changes = append(changes, table.Steps(d.applied[s.Key], s)...)
	}
	if err := d.plane.Apply(changes); err != nil {
		d.log.Error("the data plane refused a change; it is tried again", "plane", d.plane.Name(), "error", err)
		d.unsure = true
		return
	}
	for _, s := range wanted {
		d.applied[s.Key] = s
	}
}

// settle brings everything in order after an error.
func (d *Daemon) settle() {
	if err := d.apply(); err != nil {
		d.log.Error("the data plane refuses changes still", "plane", d.plane.Name(), "error", err)
	}
}

// answered takes the verdict of a check to its pool, and what follows to the plane and to people.
func (d *Daemon) answered(id string, v verdict) {
	if _, asked := d.asking[id]; !asked {
		return // the configuration no longer has it
	}
	d.verdicts[id] = v
	for _, at := range d.places[id] {
		moved := at.pool.Weigh(at.server, at.check, v.weight)
		events := at.pool.Answer(at.server, at.check, v.passed, v.why)
		if moved && len(events) == 0 {
			d.update(at.pool)
		}
		d.changed(at.pool, events)
	}
}

func (d *Daemon) changed(p *pool.Pool, events []pool.Event) {
	if len(events) == 0 {
		return
	}
	d.update(p)
	for _, e := range events {
		level := slog.LevelInfo
		if !e.Up {
			level = slog.LevelWarn
		}
		d.log.Log(d.ctx, level, e.String(), "why", e.Why)
	}
	d.tell(events)
}

// end takes services out that do not stay, and waits for everything that runs.
func (d *Daemon) end() error {
	for _, p := range d.pools {
		d.tell(p.End())
	}
	gone := maps.Clone(d.applied)
	for _, p := range d.pools {
		for _, k := range p.Config.Keys {
			if p.Config.Keep {
				delete(gone, k)
			}
		}
	}
	err := d.plane.Apply(table.Difference(gone, nil))
	for _, s := range d.config.Syncs {
		if synchronized, ok := d.plane.(plane.Synchronized); ok {
			err = errors.Join(err, synchronized.StopSync(s.Role))
		}
	}
	d.pipes.Lay(d.ctx, &d.telling, nil)
	d.stopTelling()
	d.stop()
	if server := d.control.Load(); server != nil {
		err = errors.Join(err, server.Close())
	}
	d.running.Wait()
	return err
}

// sortedPools lists pools by their first key, for what people see.
func (d *Daemon) sortedPools() []*pool.Pool {
	return slices.SortedFunc(slices.Values(d.pools), func(a, b *pool.Pool) int { return a.Config.Keys[0].Compare(b.Config.Keys[0]) })
}
