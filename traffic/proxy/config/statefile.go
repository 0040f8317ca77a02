package config

import "slices"

func stateFileName(p *parser, l Line) *Problem {
	if p.proxy.StateFile = "use-backend-name"; len(l.Words) > 1 {
		p.proxy.StateFile = l.Words[1]
	}
	return l.wants(0, 1)
}

// loadState reads where a backend's servers have their states from when the proxy begins.
func loadState(p *parser, l Line) *Problem {
	if problem := l.wants(1, 1); problem != nil {
		return problem
	}
	if p.proxy.LoadState = l.Words[1]; !slices.Contains([]string{"none", "global", "local"}, l.Words[1]) {
		return l.problem("load-server-state-from-file takes none, global or local, not %q", l.Words[1])
	}
	return nil
}
