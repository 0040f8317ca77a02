package proxy

import (
	"context"
	"strings"
	"time"

	"holdfast/traffic/mail"
	"holdfast/traffic/proxy/config"
)

// mailQueue is how many messages may wait. States that flutter while no mailer answers are logged, at least.
const mailQueue = 64

// letter is a message about a proxy's server.
type letter struct {
	proxy *config.Proxy
	text  string
}

// post sends the letters that come until ctx ends, to every mailer that their proxies name.
func (p *Process) post(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-p.letters:
			p.deliver(ctx, l)
		}
	}
}

func (p *Process) deliver(ctx context.Context, l letter) {
	e := l.proxy.Email
	m := p.Config.Mailers[e.Mailers]
	for _, address := range m.Servers {
		s := mail.Server{Address: address, Helo: e.Host, From: e.From, To: strings.Split(e.To, ","), Timeout: max(m.Timeout, time.Millisecond)}
		if err := s.Send(ctx, "[proxy alert] "+l.text, l.text); err != nil && ctx.Err() == nil {
			p.log.Log(p.Config.LogTargets(l.proxy), logWarning, p.Config.Global.LogTag, []byte(err.Error()))
		}
	}
}

// mail has a message sent if the proxy wants to be told of what is so grave.
func (p *Process) mail(proxy *config.Proxy, level int, text string) {
	if proxy.Email.Mailers == "" || level > proxy.Email.Level {
		return
	}
	select {
	case p.letters <- letter{proxy, text}:
	default:
		p.log.Log(p.Config.LogTargets(proxy), logWarning, p.Config.Global.LogTag, []byte("a mail was not sent, too many wait: "+text))
	}
}
