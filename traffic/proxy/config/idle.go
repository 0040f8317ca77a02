package config

import "slices"

// warnOfIdle warns of what a proxy says to no effect, because of its mode or because something else is missing.
func (p *parser) warnOfIdle(x *Proxy) {
	at := Line{File: x.File, Number: x.Line}
	warn := func(idle bool, what, why string) {
		if idle {
			p.warn(at, "%s %s: %s: %s", x.Kind(), x.Name, what, why)
		}
	}
	if x.Mode == TCP {
		why := "no effect in mode tcp; write `mode http`"
		warn(len(x.HTTPRequest) > 0, "http-request and redirect rules", why)
		warn(len(x.HTTPResponse) > 0, "http-response rules", why)
		warn(len(x.HTTPAfter) > 0, "http-after-response rules", why)
		warn(x.Cookie != nil && x.Back, "cookie", why)
		warn(x.Stats.On, "stats", why)
		warn(x.ForwardFor.On, "option forwardfor", why)
		warn(x.MonitorURI != "", "monitor-uri", why)
		warn(x.Back && slices.Contains(fields("uri url_param hdr"), x.Balance.Algorithm), "balance "+x.Balance.Algorithm, "no effect in mode tcp: servers take turns")
		warn(x.Front && x.Options.HTTPLog, "option httplog", "no effect in mode tcp; write `option tcplog`")
	}
	warn(x.Front && len(p.config.LogTargets(x)) == 0 && (x.LogFormat != nil || x.LogData != nil || x.Options.HTTPLog || x.Options.TCPLog || x.Options.HTTPSLog),
		"the format of its log lines", "no effect without log")
}
