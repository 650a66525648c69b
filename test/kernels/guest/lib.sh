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

# cni VERB CODE < CONFIGURATION: runs the executable as a runtime does.
cni() {
	CNI_COMMAND=$1 CNI_CONTAINERID=4f2e CNI_IFNAME=eth0 CNI_PATH=/bin \
		CNI_NETNS=/proc/1/ns/net conntrack-flush >/tmp/out 2>/tmp/err
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
