# The words that the cases in /tests.sh are made of. A case is begin ... end; a step that
# finds something else than it should adds to $why, and the case goes on, so
# that its last line tells all.

good=0
bad=0
STATE=/run/conntrack-flush

begin() {
	name=$1
	why=
	how=
	as=
	where=
	: >/tmp/out
	: >/tmp/err
}

end() {
	if [ -z "$why" ]; then
		good=$((good + 1))
		echo "ok $name$how"
	else
		bad=$((bad + 1))
		echo "not ok $name: $(echo "${why#; }" | tr '\n' ' ')"
	fi
	ct empty 2>/dev/null
	rm -rf $STATE
}

# otherwise WHAT: true if the case went wrong until here. It then begins anew, and
# if it goes well this time, WHAT follows its name.
otherwise() {
	[ -n "$why" ] || return 1
	why=
	how=" => $1"
	ct empty
}

fail() {
	why="$why; $*"
}

# fill < LINES: makes these entries.
fill() {
	ct fill 2>/tmp/fill.err || fail "cannot make the entries: $(cat /tmp/fill.err)"
}

# table < LINES: the table holds exactly these entries, sorted as given.
table() {
	cat >/tmp/want
	ct list >/tmp/got 2>&1 || fail "cannot list the table: $(cat /tmp/got)"
	cmp -s /tmp/want /tmp/got || differ "lost" "there is also"
}

# differ MISSING EXTRA: how what was got differs from what was wanted.
differ() {
	diff /tmp/want /tmp/got >/tmp/diff
	fail "$1 $(grep -c '^-[^-]' /tmp/diff), $2 $(grep -c '^+[^+]' /tmp/diff):" \
		"$(grep '^[-+][^-+]' /tmp/diff | head -n 4)"
}

# cni VERB CODE < CONFIGURATION: runs the executable as a runtime does, on the node where
# $where leads.
cni() {
	CNI_COMMAND=$1 CNI_CONTAINERID=4f2e CNI_IFNAME=eth0 CNI_PATH=/bin \
		CNI_NETNS=/proc/1/ns/net $where conntrack-flush >/tmp/out 2>/tmp/err
	code=$?
	[ $code = "$2" ] || fail "$1: exit $code: $(cat /tmp/out /tmp/err)"
}

# types CODE WORDS...: runs the executable as a person does.
types() {
	want=$1
	shift
	conntrack-flush "$@" >/tmp/out 2>/tmp/err
	code=$?
	[ $code = "$want" ] || fail "$1: exit $code: $(cat /tmp/out /tmp/err)"
}

# says TEXT...: it printed or logged each of these.
says() {
	for text; do
		grep -qF -- "$text" /tmp/out /tmp/err || fail "no '$text' in: $(cat /tmp/out /tmp/err)"
	done
}

# send ANSWER HEX [LINE] < LINES: exactly this message is answered with these
# entries and ANSWER, or with one of them if there is | between. Its CTA_ID
# becomes that of the entry LINE.
send() {
	answers=$1
	shift
	cat >/tmp/want
	ct send "$@" >/tmp/got 2>&1
	case "|$answers|" in
	*"|$(tail -n 1 /tmp/got)|"*) tail -n 1 /tmp/got >>/tmp/want ;;
	*) echo "$answers" >>/tmp/want ;;
	esac
	cmp -s /tmp/want /tmp/got || differ "not answered" "answered instead"
}

# entry PATTERN: the table has one that looks so.
entry() {
	ct list >/tmp/got
	grep -qE -- "$1" /tmp/got || fail "no entry with $1: $(cat /tmp/got)"
}

# asks ANSWER FROM PORT TO PORT: who answers this client, which is where $as leads.
asks() {
	want=$1
	shift
	got=$($as udp ask "$@" 2>&1)
	[ "$got" = "$want" ] || fail "$* is answered by $got, not $want"
}

# within SECONDS STEP... < INPUT: the step, again and again until it finds what it
# should; only what it complains of in the end counts. An emulated machine on a
# busy one is slow, and nothing is to depend on how slow.
within() {
	patience=$1
	shift
	was=$why
	cat >/tmp/in
	while :; do
		why=$was
		"$@" </tmp/in
		[ "$why" = "$was" ] || [ "$patience" -le 0 ] || {
			patience=$((patience - 1))
			sleep 1
			continue
		}
		return
	done
}

# busy_asks FROM PORT TO PORT: asks for ever, almost without a pause.
busy_asks() {
	: >/tmp/busy
	while :; do
		$as udp ask "$@"
		sleep 0.1
	done >/tmp/busy 2>&1 &
	busy=$!
}

# busy_hears ANSWER: the newest answer to it.
busy_hears() {
	got=$(tail -n 1 /tmp/busy)
	[ "$got" = "$1" ] || fail "the busy client hears $got, not $1"
}

in_node() {
	/opt/ip netns exec node "$@"
}

# node PORT DELAY < RULES: a machine of its own with these rules of nft, two pods behind it,
# and two servers whose PORT answers after DELAY ms. Its counters begin at 0.
node() {
	[ -z "$servers" ] || kill $servers
	servers=
	cat >/tmp/rules
	for net in node pod-a pod-b dns-a dns-b; do
		[ ! -e /run/netns/$net ] || echo "netns del $net"
		echo "netns add $net"
	done | /opt/ip -batch - || fail "no namespaces"
	number=0
	for net in pod-a pod-b dns-a dns-b; do
		number=$((number + 1))
		/opt/ip -n node -batch - <<-END || fail "no network"
			link add $net type veth peer name eth0 netns $net
			address add 10.90.$number.1/24 dev $net
			link set $net up
		END
		/opt/ip -n $net -batch - <<-END || fail "no network"
			address add 10.90.$number.2/24 dev eth0
			link set eth0 up
			route add default via 10.90.$number.1
		END
	done
	in_node sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	# what sockets may hold in a machine as small as this one is less than a race's answers
	echo 262144 262144 262144 >/proc/sys/net/ipv4/udp_mem
	in_node nft -f /tmp/rules || fail "no rules"
	for net in dns-a dns-b; do
		/opt/ip netns exec $net pairs serve 0.0.0.0 "$1" "$2" &
		servers="$servers $!"
	done
	sleep 1
}

# race WORDS...: sends as the words of pairs say. Sets $lost and the node's counters, and
# tells the console.
race() {
	pairs "$@" >/tmp/pairs 2>&1 || fail "$(cat /tmp/pairs)"
	in_node conntrack-flush stats -o json >/tmp/stats || fail "no stats"
	# each line of both is a number and its name
	eval "$(cat /tmp/pairs)"
	chain_toolong=0
	eval "$(sed -n 's/^ *"\([a-z_]*\)": \([0-9]*\),*$/\1=\2/p' /tmp/stats)"
	lost=$((sent - answered))
	told=
	for name_of in sent lost clash_resolve insert_failed drop chain_toolong; do
		eval "told=\"\$told $name_of=\$$name_of\""
	done
	echo "measured $name:$told"
}

# counts NAME TEST VALUE: what test(1) says of a number of the race.
counts() {
	eval "got=\$$1"
	[ "$got" "$2" "$3" ] || fail "$1 is $got, not $2 $3"
}
