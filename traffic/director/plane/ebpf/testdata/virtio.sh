# A client, a director (this host) and a server on virtio network cards, one pair to a cable: 10.1.0.2 - 10.1.0.1 and 10.2.0.1 - 10.2.0.2. What the
# services have is routed to the director, and the server has it, too.
set -e
ip() { /usr/ip "$@"; } # and not the shell's own
ip link set lo up
ip netns add client
ip netns add server
ip link set eth0 netns client
ip link set eth3 netns server
ip addr add 10.1.0.1/24 dev eth1
ip addr add 10.2.0.1/24 dev eth2
ip addr add fd01::1/64 dev eth1 nodad
ip addr add fd02::1/64 dev eth2 nodad
ip link set eth1 up
ip link set eth2 up
for host in "client eth0 1" "server eth3 2"; do
	set -- $host
	ip -n $1 link set lo up
	ip -n $1 addr add 10.$3.0.2/24 dev $2
	ip -n $1 addr add fd0$3::2/64 dev $2 nodad
	ip -n $1 link set $2 up
	ip -n $1 route add default via 10.$3.0.1
	ip -n $1 -6 route add default via fd0$3::1
done
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
echo 1 > /proc/sys/kernel/bpf_stats_enabled
# The server takes what comes directly, and out of tunnels.
ip -n server addr add 10.9.0.2/32 dev lo
ip -n server addr add 10.9.0.3/32 dev lo
ip -n server link set tunl0 up
ip netns exec server sh -c 'for each in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $each; done'
ip netns exec server tool serve :80 &
until ip netns exec client tool ask 10.2.0.2:80 1 0 > /dev/null 2>&1; do :; done
