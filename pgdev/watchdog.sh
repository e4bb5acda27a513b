# The watchdog of one throw-away server. Arguments: DIR BIN ARG…
#
# Makes DIR, runs initdb and then postgres in it, and waits until its standard
# input ends, which happens when the owner closes it or is gone in whatever
# way. Then it stops whatever is running and removes DIR. Standard output is a
# pipe to the owner that only initdb and postgres keep open: it ends with them.
unset PGDEV_WATCHDOG
dir=$1
bin=$2
shift 2

# finish stops what is running and removes the folder. initdb may finish, for
# it takes a second, and what it runs would leave shared memory behind if it
# were killed. postgres gets SIGQUIT, an immediate shutdown, for the data is
# worthless; repeatedly, for it may be only just starting. It gives its own
# children 5 seconds before it kills them.
finish() {
	trap '' HUP INT QUIT TERM
	trap - EXIT
	pid=$!
	if [ -n "$pid" ]; then
		: >"$dir/stop"
		(
			i=0
			while [ $i -lt 100 ]; do
				kill -QUIT "$pid"
				sleep 0.1
				i=$((i + 1))
			done
			kill -QUIT 0
			kill -KILL "$pid"
		) &
		killer=$!
		wait "$pid"
		kill -KILL "$killer"
		wait "$killer"
	fi
	i=0
	while [ $i -lt 50 ] && ! rm -rf "$dir"; do
		sleep 0.1
		i=$((i + 1))
	done
}

umask 077
ulimit -c 0 2>/dev/null
trap '' HUP INT QUIT TERM
mkdir "$dir" || exit 1
trap finish EXIT
trap 'exit 1' HUP INT QUIT TERM

(
	trap - EXIT
	trap '' QUIT # until postgres sets its own handler
	exec 3>&1 </dev/null >"$dir/log" 2>&1
	"$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C --no-sync \
		--auth-local=trust --auth-host=scram-sha-256 || exit 1
	[ ! -e "$dir/stop" ] || exit 1
	exec "$bin/postgres" "$@" -D "$dir/data" -k "$dir"
) &
exec >/dev/null 2>&1

while read -r _; do :; done
