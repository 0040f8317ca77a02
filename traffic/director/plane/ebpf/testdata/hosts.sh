# A client, a director (this host) and a server: 10.1.0.2 - 10.1.0.1 and 10.2.0.1 - 10.2.0.2.
set -e
ip() { /usr/ip "$@"; } # and not the shell's own
ip link set lo up
ip netns add client
ip netns add server
ip link add eth0 type veth peer name eth0 netns client
ip link add eth1 type veth peer name eth0 netns server
ip addr add 10.1.0.1/24 dev eth0
ip addr add 10.2.0.1/24 dev eth1
ip link set eth0 up
ip link set eth1 up
for host in client server; do
	ip -n $host link set lo up
	ip -n $host link set eth0 up
done
ip -n client addr add 10.1.0.2/24 dev eth0
ip -n client route add default via 10.1.0.1
ip -n server addr add 10.2.0.2/24 dev eth0
ip -n server route add default via 10.2.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
ip netns exec server tool serve 10.2.0.2:80 &
until ip netns exec client tool ask 10.2.0.2:80 1 0 > /dev/null 2>&1; do :; done
# On PLANE the service has one server behind NAT.
forward() {
	printf '%s\n' '-A -t 10.1.0.1:80 -s wlc' '-a -t 10.1.0.1:80 -r 10.2.0.2:80 -m' | tool $1 -R
}
