package executor

import (
	"context"
	"time"

	"holdfast/cluster/executor/metadata"
)

// Definition is what an OCF agent's meta-data says about changes of its parameters.
type Definition struct {
	Reloads bool     // it takes changes over without a restart, except for those in Restart
	Restart []string // parameters whose change needs a restart all the same
	Private []string // parameters whose values are secret
}

// definitionWait is how long a result waits for the agent's meta-data, which is asked for
// beside the call. An agent that hangs over it is treated as one that says nothing.
const definitionWait = time.Second

// askAgain is how long an agent that gave no meta-data is left alone.
const askAgain = time.Minute

// definition asks for an OCF agent's definition; the channel gets it, or nil when there is none to
// be had. The caller is not held up: what the agent said before comes from memory.
func (e *Executor) definition(op Operation) <-chan *Definition {
	answer := make(chan *Definition, 1)
	if op.Agent.Class != "ocf" || passive(op.Action) {
		answer <- nil
		return answer
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		answer <- nil
		return answer
	}
	e.running.Go(func() {
		if agent := e.about(op.Agent); agent != nil {
			answer <- definitionOf(agent)
			return
		}
		answer <- nil
	})
	return answer
}

// about is an agent's meta-data, nil when it cannot be had.
func (e *Executor) about(a Agent) *metadata.Agent {
	e.mu.Lock()
	muteSince, mute := e.mute[a]
	e.mu.Unlock()
	if mute && time.Since(muteSince) < askAgain {
		return nil
	}
	agent, err := e.agents.Describe(e.asking, a.Class, a.Provider, a.Type)
	if err != nil {
		e.mu.Lock()
		e.mute[a] = time.Now()
		e.mu.Unlock()
		e.log.Debug("no meta-data", "agent", a.String(), "cause", err)
		return nil
	}
	return agent
}

// definitionOf reads an agent's meta-data. Agents of OCF 1.1 mark what reload-agent
// takes; for older ones with a reload, what has to be unique needs the restart.
func definitionOf(agent *metadata.Agent) *Definition {
	d := &Definition{}
	current, legacy := agent.Supports("reload-agent"), agent.Supports("reload")
	d.Reloads = current || legacy
	for _, p := range agent.Params {
		if d.Reloads && (current && !p.Reloadable || !current && p.Unique) {
			d.Restart = append(d.Restart, p.Name)
		}
		if p.Name == "passwd" || p.Name == "password" {
			d.Private = append(d.Private, p.Name)
		}
	}
	return d
}

// reloadAction is the action that has an agent take changed parameters over: reload in agents
// that are older than reload-agent.
func (e *Executor) reloadAction(a Agent) string {
	if agent := e.about(a); agent != nil && !agent.Supports("reload-agent") && agent.Supports("reload") {
		return "reload"
	}
	return "reload-agent"
}

// await returns the definition once it is there, within definitionWait.
func await(ctx context.Context, answer <-chan *Definition) *Definition {
	select {
	case d := <-answer:
		return d
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, definitionWait)
	defer cancel()
	select {
	case d := <-answer:
		return d
	case <-ctx.Done():
		return nil
	}
}
