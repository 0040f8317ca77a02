# Downloads through one director go on through another, which its peer's sync daemon has told of them. n: how many.
# holds DIRECTOR: it has the virtual addresses now, and tells the neighbours
holds() {
	for at in "eth0 10.0.0.99" "eth1 10.1.0.99"; do
		set -- $1 $at
		in_ $1 ip addr add $3/24 dev $2
		in_ $1 arping -q -U -c 2 -I $2 -s $3 $3
	done
}
for name in a b s; do host $name; done
for at in "a 11" "b 12"; do
	set -- $at
	plug $1 eth0 outside 10.0.0.$2
	plug $1 eth1 inside 10.1.0.$2
	in_ $1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
	in_ $1 /bin/ours -A -t 10.0.0.99:80 -s rr
	for server in 21 22; do in_ $1 /bin/ours -a -t 10.0.0.99:80 -r 10.1.0.$server:80 -m; done
done
plug s eth1 inside 10.1.0.21
in_ s ip addr add 10.1.0.22/24 dev eth1
in_ s ip route add default via 10.1.0.99
dd if=/dev/zero of=/www/big bs=1000 count=1000 2> /dev/null
in_ s httpd -p 80 -h /www
in_ a /bin/ours --start-daemon master --mcast-interface eth0 --syncid 7
in_ b /bin/ours --start-daemon backup --mcast-interface eth0 --syncid 7
holds a

# What a download gives is read when /go is there: until then it stands still in full buffers.
for i in $(seq $n); do
	wget -q -O - http://10.0.0.99/big | { until [ -e /go ]; do sleep 1; done; wc -c; } > /got.$i &
done
within '[ $(in_ b grep -c ESTABLISHED /proc/net/ip_vs_conn) -ge $n ]'

# The director is gone, as by a power cut.
ip link set aeth0 down
ip link set aeth1 down
kill -9 $a
holds b
touch /go
within '[ $(cat /got.* | wc -l) -ge $n ]'
echo "$(grep -lx 1000000 /got.* | wc -l) of $n"
