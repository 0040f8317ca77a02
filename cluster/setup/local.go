package setup

import (
	"context"
	"errors"
	"net/http"
)

// Invitation is what a host needs to join, beside an address to ask.
type Invitation struct {
	Secret      string `json:"secret"`      // to be typed or piped, never an argument
	Fingerprint string `json:"fingerprint"` // of the inviting host's certificate
}

// Local serves the setup requests that come over the daemon's own socket, whose callers
// the daemon has checked:
//
//	POST /v1/setup/invite             make an Invitation
//	POST /v1/setup/start|stop|destroy|enable|disable
//	POST /v1/setup/forget             make all tokens worthless
//	GET  /v1/setup/state
func (s *Server) Local() http.Handler {
	mux := http.NewServeMux()
	local := func(pattern string, act func(context.Context) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := act(r.Context())
			if err != nil {
				refuse(w, http.StatusConflict, err)
				return
			}
			respond(w, answer)
		})
	}
	local("POST /v1/setup/invite", func(context.Context) (any, error) {
		if state := s.options.Cluster.State(); !state.Running {
			return nil, errors.New("host " + state.Host + " takes part in no cluster that others could join; make one with 'holdfast init', or start it with 'pcs cluster start'")
		}
		secret, err := s.Invite()
		return Invitation{secret, s.Fingerprint()}, err
	})
	local("GET /v1/setup/state", func(context.Context) (any, error) { return s.options.Cluster.State(), nil })
	local("POST /v1/setup/start", func(ctx context.Context) (any, error) { return nil, s.options.Cluster.Start(ctx) })
	local("POST /v1/setup/stop", func(ctx context.Context) (any, error) { return nil, s.options.Cluster.Stop(ctx) })
	local("POST /v1/setup/destroy", func(ctx context.Context) (any, error) { return nil, s.options.Cluster.Destroy(ctx) })
	local("POST /v1/setup/enable", func(context.Context) (any, error) { return nil, s.options.Cluster.Enable(true) })
	local("POST /v1/setup/disable", func(context.Context) (any, error) { return nil, s.options.Cluster.Enable(false) })
	local("POST /v1/setup/forget", func(context.Context) (any, error) { return nil, s.ForgetCallers() })
	return mux
}
