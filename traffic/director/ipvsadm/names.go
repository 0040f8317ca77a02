package ipvsadm

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/table"
)

// background is the context of looking names up; resolvers have time limits of their own.
var background = context.Background()

// names writes addresses, by their names unless they are to be numeric.
type names struct{ numeric bool }

func (n names) service(k table.Key) string {
	switch {
	case k.Mark != 0 && k.IPv6:
		return strconv.Itoa(int(k.Mark)) + " IPv6"
	case k.Mark != 0:
		return strconv.Itoa(int(k.Mark))
	}
	return n.address(k.Address, k.Protocol)
}

func (n names) address(a netip.AddrPort, p table.Protocol) string {
	if n.numeric {
		return a.String()
	}
	host := hostName(a.Addr())
	if host == "" {
		host = a.Addr().String()
		if a.Addr().Is6() {
			host = "[" + host + "]"
		}
	}
	return host + ":" + portName(a.Port(), p)
}

// lookupTime is how long the name of an address is looked for.
const lookupTime = 2 * time.Second

func hostName(a netip.Addr) string {
	ctx, cancel := context.WithTimeout(background, lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupAddr(ctx, a.String())
	if err != nil || len(found) == 0 {
		return ""
	}
	return strings.TrimSuffix(found[0], ".")
}

// portName finds a port's name in /etc/services, as getservbyport(3) does.
func portName(port uint16, p table.Protocol) string {
	number := strconv.Itoa(int(port))
	f, err := os.Open("/etc/services")
	if err != nil {
		return number
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if words := strings.Fields(text); len(words) >= 2 && words[1] == number+"/"+p.String() {
			return words[0]
		}
	}
	return number
}
