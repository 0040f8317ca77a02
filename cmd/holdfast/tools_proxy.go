package main

import "holdfast/traffic/proxy"

// proxyTools are the names of the load balancer at layer 7.
var proxyTools = map[string]tool{"haproxy": proxy.Main}
