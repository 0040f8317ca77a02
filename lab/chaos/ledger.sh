#!/bin/sh
# An OCF agent: a service that appends what it is sent to a file on shared storage. Each start
# has a generation, one above any that the file knows.
: "${OCF_ROOT=/usr/lib/ocf}"
storage=/srv/ledger
own=/run/ledger

running() { [ -f "$own/pid" ] && kill -0 "$(cat "$own/pid")" 2>/dev/null; }

case "$1" in
meta-data)
  cat <<'XML'
<?xml version="1.0"?>
<resource-agent name="ledger"><version>1.1</version><longdesc>Appends to shared storage</longdesc><shortdesc>ledger</shortdesc>
<parameters/><actions><action name="start" timeout="10s"/><action name="stop" timeout="10s"/>
<action name="monitor" timeout="10s" interval="10s"/><action name="meta-data" timeout="5s"/></actions></resource-agent>
XML
  ;;
start)
  running && exit 0
  mkdir -p "$own/www/cgi-bin"
  last=$(grep '^start ' "$storage/book" 2>/dev/null | tail -n 1 | cut -d ' ' -f 2)
  generation=$((${last:-0} + 1))
  echo "start $generation $(uname -n)" >>"$storage/book"
  cat >"$own/www/cgi-bin/append" <<CGI
#!/bin/sh
echo "write $generation $(uname -n) \$QUERY_STRING" >>$storage/book || exit 1
printf 'Content-Type: text/plain\r\n\r\n%s\n' "$(uname -n)"
CGI
  chmod +x "$own/www/cgi-bin/append"
  busybox httpd -f -p 80 -h "$own/www" >/dev/null 2>&1 &
  echo $! >"$own/pid"
  until grep -qs ':0050 .* 0A ' /proc/net/tcp /proc/net/tcp6; do # it listens
    running || exit 1
    busybox usleep 5000
  done
  ;;
stop)
  if running; then
    kill -KILL "$(cat "$own/pid")"
    while running; do busybox usleep 5000; done
  fi
  # A request that had begun may still be at its write.
  while pgrep -f cgi-bin/append >/dev/null; do busybox usleep 5000; done
  rm -rf "$own"
  ;;
monitor | status) running || exit 7 ;;
*) exit 3 ;;
esac
exit 0
