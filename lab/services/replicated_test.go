package services

import (
	"fmt"
	"path/filepath"
	"strings"

	"holdfast/lab"
)

// replicated are services whose instances copy from a promoted one.
func replicated() []service { return []service{postgres(), redis(), mysql()} }

// redis is three instances; two copy from the promoted one.
func redis() service {
	return service{
		name: "Redis", agent: "ocf:heartbeat:redis", debian: "redis-server", needs: []string{"/usr/bin/redis-server", "/usr/bin/redis-cli"},
		files:   []lab.File{{Path: "/etc/redis/redis.conf", Mode: 0o644, Data: []byte("bind 0.0.0.0\nprotected-mode no\nport 6379\ndir /var/lib/redis\ndaemonize yes\nlogfile /var/log/redis/redis.log\n")}},
		prepare: "mkdir -p /var/log/redis; chown redis /var/log/redis",
		configure: vip + `primitive r redis params bin=/usr/bin/redis-server client_bin=/usr/bin/redis-cli config=/etc/redis/redis.conf user=redis rundir=/run/redis op start timeout=60s op promote timeout=60s op monitor interval=3s timeout=20s op monitor role=Promoted interval=2s timeout=20s
clone rc r meta promotable=true notify=true interleave=true
colocation vip-with-primary inf: vip rc:Promoted
order primary-then-vip Mandatory: rc:promote vip:start
`,
		resource: "r", promoted: true,
		look: "redis-cli -h " + address + " set seen yes && redis-cli -h " + address + " info replication", says: []string{"^OK", "role:master"},
		kill: "pkill -KILL -x redis-server", move: "crm_resource --move --resource rc --promoted --node $TO", stay: "crm_resource --clear --resource rc",
		proof: "what was written before is there after the primary's host is lost",
		losing: func(c *trial) func() {
			c.Says(lab.ClientName, `printf "set kept value\nwait 1 5000\n" | redis-cli -h `+address, "^[12]$")
			return func() { c.Says(lab.ClientName, "redis-cli -h "+address+" get kept", "^value$") }
		},
	}
}

// postgres is a primary and a synchronous standby.
func postgres() service {
	programs := "/usr/lib/postgresql/15/bin"
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin"); len(found) > 0 {
		programs = found[len(found)-1]
	}
	const data = "/var/lib/postgresql/ha"
	return service{
		name: "PostgreSQL", agent: "ocf:heartbeat:pgsql", debian: "postgresql-15", needs: []string{programs + "/pg_ctl"}, shared: true,
		prepare: `install -d -o postgres -g postgres -m 700 ` + data + `; install -d -o postgres -g postgres /run/postgresql /var/lib/pgsql/tmp
if [ $(hostname) = web1 ]; then
  su postgres -c "` + programs + `/initdb -D ` + data + ` >/dev/null"
  printf "listen_addresses='*'\nwal_level=replica\nhot_standby=on\nmax_wal_senders=10\nwal_keep_size=64MB\nwal_sender_timeout=5s\nwal_receiver_timeout=5s\nwal_receiver_status_interval=1s\nshared_buffers=8MB\n" >> ` + data + `/postgresql.conf
  printf "host all all 10.77.0.0/24 trust\nhost replication all 10.77.0.0/24 trust\n" >> ` + data + `/pg_hba.conf
  tar cf /shared/base.tar -C ` + data + ` .
else
  su postgres -c "tar xf /shared/base.tar -C ` + data + `"
fi`,
		configure: vip + `primitive pg pgsql params pgctl=` + programs + `/pg_ctl psql=` + programs + `/psql pgdata=` + data + ` socketdir=/run/postgresql logfile=/var/log/postgresql-ha.log rep_mode=sync node_list="web1 web2" master_ip=` + address + ` repuser=postgres primary_conninfo_opt="keepalives_idle=60 keepalives_interval=5 keepalives_count=5" op start timeout=120s op stop timeout=120s op promote timeout=120s op demote timeout=120s op monitor interval=3s timeout=60s op monitor role=Promoted interval=2s timeout=60s op notify timeout=60s
clone pgc pg meta promotable=true clone-max=2 notify=true interleave=true
location pg-hosts pgc -inf: web3
colocation vip-with-primary inf: vip pgc:Promoted
order promote-then-vip Optional: pgc:promote vip:start symmetrical=false
order demote-then-vip Optional: pgc:demote vip:stop symmetrical=false
`,
		resource: "pg", promoted: true,
		look: query("select 6*7"), says: []string{"^42$"},
		kill:   "kill -KILL $(head -n 1 " + data + "/postmaster.pid)",
		proof:  "the standby takes over, and no row that a client was told is committed is lost",
		steady: (*trial).synchronous,
		losing: (*trial).writing,
	}
}

// query is a statement to the floating address.
func query(statement string) string {
	return fmt.Sprintf(`PGCONNECT_TIMEOUT=3 psql -h %s -U postgres -Atqc "%s" postgres`, address, statement)
}

// synchronous waits until the standby confirms what is committed, and the agent has noted that: before, it would not promote it. Where
// the old primary left its lock behind, the operator removes it, as the agent asks.
func (c *trial) synchronous() {
	c.t.Helper()
	c.Until(func() error {
		out, err := c.Try(lab.ClientName, "", "sh", "-c", query("select sync_state, application_name from pg_stat_replication"))
		if standby, sync := strings.CutPrefix(strings.TrimSpace(out), "sync|"); err == nil && sync {
			out, err = c.Try("web3", "", "crm_attribute", "-l", "forever", "-N", standby, "-n", "pg-data-status", "-G", "-q")
			if err == nil && strings.TrimSpace(out) == "STREAMING|SYNC" {
				return nil
			}
		}
		for _, host := range []string{"web1", "web2"} {
			if _, err := c.Try(host, "", "sh", "-c", "test -e /var/lib/pgsql/tmp/PGSQL.lock && ! pgrep -x postgres && rm /var/lib/pgsql/tmp/PGSQL.lock"); err == nil {
				c.Sh("web3", "crm_resource --cleanup --resource pg")
			}
		}
		return fmt.Errorf("the standby is %q: %v", out, err)
	})
}

// writing has a client write rows and remember those that were confirmed; the function that it
// returns ends that and looks for each of them.
func (c *trial) writing() func() {
	c.t.Helper()
	c.Sh(lab.ClientName, query("create table seen (n int primary key)"))
	c.Sh(lab.ClientName, `cat > /tmp/writer <<'END'
n=0
while [ ! -e /tmp/enough ]; do
  n=$((n+1))
  `+query("insert into seen values ($n)")+` >/dev/null 2>&1 && echo $n >> /tmp/confirmed
done
END
setsid sh /tmp/writer >/dev/null 2>&1 </dev/null & echo $! > /tmp/writer.pid`)
	c.Says(lab.ClientName, "cat /tmp/confirmed", "^20$")
	return func() {
		c.t.Helper()
		confirmed := len(strings.Fields(c.Sh(lab.ClientName, "cat /tmp/confirmed")))
		c.Until(func() error { // it goes on, on the new primary
			now := len(strings.Fields(c.Sh(lab.ClientName, "cat /tmp/confirmed")))
			if now <= confirmed {
				return fmt.Errorf("nothing was confirmed after the %d rows", now)
			}
			return nil
		})
		c.Sh(lab.ClientName, "touch /tmp/enough")
		c.Until(func() error {
			_, err := c.Try(lab.ClientName, "", "sh", "-c", "! kill -0 $(cat /tmp/writer.pid) 2>/dev/null")
			return err
		})
		c.Sh(lab.ClientName, query("select n from seen order by n")+" > /tmp/rows")
		lost := c.Sh(lab.ClientName, "sort /tmp/confirmed > /tmp/a; sort /tmp/rows > /tmp/b; comm -23 /tmp/a /tmp/b")
		if lost != "" {
			c.t.Errorf("rows that were confirmed and are gone: %s", strings.Fields(lost))
		}
		c.t.Logf("%s rows confirmed", strings.TrimSpace(c.Sh(lab.ClientName, "wc -l < /tmp/confirmed")))
	}
}

// mysql is two instances of MariaDB, one of which copies from the other.
func mysql() service {
	const program = "/usr/sbin/mariadbd"
	const sql = "mariadb -h " + address + " -u app -papp app -Ne "
	return service{
		name: "MariaDB", agent: "ocf:heartbeat:mysql", debian: "mariadb-server", needs: []string{program, "/usr/bin/mariadb-install-db"}, shared: true,
		prepare: `mkdir -p /srv/db /run/mysqld /var/log/mysql; chown mysql /srv/db /run/mysqld /var/log/mysql
printf "[mysqld]\nuser=mysql\nbind-address=0.0.0.0\nlog-bin=mysql-bin\nserver-id=$(hostname | tr -dc 0-9)\nskip-name-resolve\ninnodb-buffer-pool-size=8M\n[client]\nsocket=/run/mysqld/mysqld.sock\n" > /etc/mysql/ha.cnf
if [ $(hostname) = web1 ]; then
  mariadb-install-db --user=mysql --datadir=/srv/db --auth-root-authentication-method=normal >/dev/null
  mariadbd --defaults-file=/etc/mysql/ha.cnf --datadir=/srv/db --socket=/run/mysqld/mysqld.sock --skip-networking --skip-log-bin & p=$!
  until mariadb-admin --socket=/run/mysqld/mysqld.sock -u root ping >/dev/null 2>&1; do kill -0 $p; sleep 0.2; done
  mariadb --socket=/run/mysqld/mysqld.sock -u root -e "delete from mysql.global_priv where user=''; flush privileges; create database app; create user app@'%' identified by 'app'; grant all on app.* to app@'%'; create user repl@'%' identified by 'repl'; grant all on *.* to repl@'%'; create table app.seen (n int primary key)"
  mariadb-admin --socket=/run/mysqld/mysqld.sock -u root shutdown; wait $p
  tar cf /shared/base.tar -C /srv/db .
else
  tar xf /shared/base.tar -C /srv/db
fi`,
		configure: vip + `primitive db ocf:heartbeat:mysql params binary=` + program + ` client_binary=/usr/bin/mariadb config=/etc/mysql/ha.cnf datadir=/srv/db user=mysql group=mysql pid=/run/mysqld/mysqld.pid socket=/run/mysqld/mysqld.sock log=/var/log/mysql/mysqld.log replication_user=repl replication_passwd=repl test_user=root op start timeout=120s op stop timeout=120s op promote timeout=120s op demote timeout=120s op monitor interval=3s timeout=30s op monitor role=Promoted interval=2s timeout=30s op notify timeout=60s
clone dbc db meta promotable=true clone-max=2 notify=true interleave=true
location db-hosts dbc -inf: web3
colocation vip-with-primary inf: vip dbc:Promoted
order promote-then-vip Mandatory: dbc:promote vip:start
`,
		resource: "db", promoted: true,
		look: sql + "'select 6*7'", says: []string{"^42$"},
		kill: "pkill -KILL -x mariadbd", move: "crm_resource --move --resource dbc --promoted --node $TO", stay: "crm_resource --clear --resource dbc",
		proof: "a row written before is on the host that takes over",
		losing: func(c *trial) func() {
			c.Sh(lab.ClientName, sql+"'insert into seen values (1)'")
			for _, host := range []string{"web1", "web2"} {
				c.Says(host, "mariadb --socket=/run/mysqld/mysqld.sock -u root -Ne 'select n from app.seen'", "^1$")
			}
			return func() { c.Says(lab.ClientName, sql+"'select n from seen'", "^1$") }
		},
	}
}
