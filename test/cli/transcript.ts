// The transcript in docs/cli.md: the commands of a new user, in order, with their output.
// Only values that differ from run to run are replaced.

import { HOST4, HOST6 } from "../support/node.ts";
import { SERVER4 } from "../support/topology.ts";
import { createDockerHost, type DockerHost } from "./dockerhost.ts";
import {
	createStage,
	HOST_PORT,
	MAPPING,
	type Pod,
	type Stage,
	type Typist,
} from "./stage.ts";

/** A line to type, or a change to the node in between. */
export type Step<T> = string | ((stage: T) => Promise<unknown>);
type Section<T> = readonly [string, readonly Step<T>[]];

const SECTIONS: readonly Section<Stage>[] = [
	[
		"start",
		[
			"conntrack-flush",
			"conntrack-flush --version",
			"conntrack-flush flush --help",
		],
	],
	[
		"list",
		[
			arrange,
			"conntrack-flush list",
			"conntrack-flush list --stale --family ipv4 -o wide",
			`conntrack-flush list --all --host-port ${HOST_PORT} --family ipv4`,
			"conntrack-flush list --stale --family ipv6 -o json",
		],
	],
	[
		"doctor",
		[
			"conntrack-flush doctor --cni-conf-dir /run/net.d",
			"conntrack-flush doctor --npd --cni-conf-dir /run/net.d",
		],
	],
	[
		"flush",
		[
			"conntrack-flush flush",
			"conntrack-flush flush --stale --family ipv4 --dry-run",
			"conntrack-flush flush --stale",
			"conntrack-flush flush --stale",
			"conntrack-flush list",
		],
	],
	[
		"by-name",
		[
			"conntrack-flush flush --pod-ip 10.88.0.2",
			`conntrack-flush flush --host-port ${HOST_PORT} -o json`,
		],
	],
	[
		"by-client",
		[
			replaceSyslog,
			"conntrack-flush list --from 203.0.113.2",
			"conntrack-flush list syslog-1",
			"conntrack-flush flush --from 203.0.113.2 --dry-run",
			"conntrack-flush flush --stale --from 203.0.113.2",
			"conntrack-flush flush --from 203.0.113.2",
			(stage) => stage.send(20_030, HOST4, SYSLOG.hostPort),
			"conntrack-flush list --from 203.0.113.2",
			endSyslog,
		],
	],
	[
		"failover",
		[
			failOver,
			"conntrack-flush list --answered-at 203.0.113.50 -o wide",
			"conntrack-flush flush --answered-at 203.0.113.50 --dry-run",
			"conntrack-flush flush --answered-at 203.0.113.50",
			register,
			"conntrack-flush list --from 10.88.0.7 -o wide",
			endPBX,
		],
	],
	[
		"conntrack-words",
		[
			"conntrack-flush -L -p udp --dport 8125",
			"conntrack-flush -D -p udp --dport 8125",
			"conntrack-flush -F",
		],
	],
	[
		"init-container",
		[
			(stage) => stage.send(20_010),
			`TARGET_IP=203.0.113.1 TARGET_PORT=${HOST_PORT} conntrack-flush flush`,
		],
	],
	[
		"gc",
		[
			(stage) => stage.start("lost", [{ ...MAPPING, hostPort: 9125 }]),
			"echo 333333333333 | conntrack-flush gc --valid - --older-than 0",
		],
	],
	[
		"reconcile",
		[
			(stage) => stage.type(STALE),
			"conntrack-flush reconcile --dry-run",
			"conntrack-flush reconcile",
			(stage) => stage.type(NO_ENDPOINT),
			`echo '{"frontends": [{"ips": ["10.96.0.10"], "port": 53, "endpoints": ["10.88.0.2:5353"]}]}' |
    conntrack-flush reconcile --frontends - --dry-run`,
		],
	],
	[
		"sweep",
		[
			(stage) => stage.type(UNANSWERED),
			"timeout --preserve-status 6 conntrack-flush sweep --all --threshold 2",
		],
	],
	["stats", ["conntrack-flush stats"]],
	[
		"full",
		[
			(stage) => stage.type(MANY),
			"conntrack-flush top --proto udp --rows 2",
			(stage) => stage.type(NONE_OF_MANY),
		],
	],
	[
		"mistakes",
		[
			"conntrack-flush lst",
			"conntrack-flush list --hostport 8125",
			"conntrack-flush list -o jsn",
			"conntrack-flush flush --pod-ip 10.88.0",
		],
	],
];

/** What there is to type on a host of Docker. */
const DOCKER: Section<DockerHost> = [
	"docker",
	[
		replaceContainer,
		"conntrack-flush list",
		"conntrack-flush doctor",
		"conntrack-flush flush --stale",
		"conntrack-flush flush --stale --rules --dry-run",
		"conntrack-flush flush --stale --rules",
		"conntrack-flush list",
	],
];

const CLIENT = "-s 203.0.113.2 -d 203.0.113.1 --timeout 100";
/** Makes an entry that leads to a pod that is gone. */
const STALE = `conntrack -I -p udp ${CLIENT} --sport 20020 --dport ${HOST_PORT} --dst-nat 10.88.0.3:5353`;
/** Makes an entry of a Service that leads to a pod that is no endpoint of it. */
const NO_ENDPOINT =
	"conntrack -I -p udp -s 10.88.0.2 -d 10.96.0.10 --timeout 100 --sport 20022 --dport 53 --dst-nat 10.88.0.9:5353";
/** Makes the entries of a client that asks a server for names, and gets no answer. */
const MANY = `for port in {10001..10900}; do
	echo "-A -p udp -s 203.0.113.66 -d 198.51.100.53 --sport $port --dport 53 -r 198.51.100.53 -q 203.0.113.66 --reply-port-src 53 --reply-port-dst $port -t 100"
done | conntrack -R /dev/stdin`;
const NONE_OF_MANY = "conntrack -D -s 203.0.113.66";
/** Makes the entry of a client that has sent its SYN in vain. */
const UNANSWERED = `conntrack -I -p tcp ${CLIENT} --sport 20021 --dport 8080 --state SYN_SENT`;

/** Replaces a pod while three clients know it. A fourth client begins before the new pod is there, a fifth after that. */
async function arrange(stage: Stage): Promise<void> {
	const neighbour = await stage.start("client", []);
	const old = await stage.start("statsd-1");
	for (const port of [20_001, 20_002]) await stage.send(port);
	await stage.send(20_003, HOST6);
	await old.stop();
	await stage.send(20_004);
	await stage.start("statsd-2");
	await stage.send(20_005);
	await neighbour.station.once({
		id: 1000,
		from: { port: 20_006 },
		to: { host: SERVER4, port: HOST_PORT },
		asks: false,
	});
}

const SYSLOG = { ...MAPPING, hostPort: 5140 };
let syslog: Pod | undefined;

/** Replaces a pod while a client sends. Another one begins after that. */
async function replaceSyslog(stage: Stage): Promise<void> {
	const old = await stage.start("syslog-1", [SYSLOG]);
	await stage.send(20_030, HOST4, SYSLOG.hostPort);
	await old.stop();
	syslog = await stage.start("syslog-2", [SYSLOG]);
	await stage.send(20_031, HOST4, SYSLOG.hostPort);
}

async function endSyslog(stage: Stage): Promise<void> {
	await syslog?.stop();
	await stage.type("conntrack-flush flush --from 203.0.113.2");
}

/** The addresses of the first and the second line to the world. */
const LINES = ["203.0.113.50", "203.0.113.60"] as const;
const snat = (address: string): string =>
	`POSTROUTING -p udp --dport 5060 -o uplink -j SNAT --to-source ${address}`;
let pbx: Pod | undefined;

/** Registers at the provider through the first line, and again after that has failed. */
async function failOver(stage: Stage): Promise<void> {
	const [first, second] = LINES;
	pbx = await stage.start("pbx", []);
	await stage.type(
		`ip address add ${first}/24 dev uplink; iptables -t nat -I ${snat(first)}`,
	);
	await register();
	await stage.type(
		`ip address del ${first}/24 dev uplink; ip address add ${second}/24 dev uplink
		iptables -t nat -D ${snat(first)}; iptables -t nat -I ${snat(second)}`,
	);
	await register();
}

/** The telephone exchange sends from its one port, as it does every half minute. */
async function register(): Promise<void> {
	await pbx?.station.once({
		id: 1001,
		from: { port: 5060 },
		to: { host: SERVER4, port: 5060 },
		asks: false,
	});
	await pbx?.station.answered();
}

async function endPBX(stage: Stage): Promise<void> {
	await pbx?.stop();
	await stage.type(
		`conntrack-flush flush --to ${SERVER4}:5060
		iptables -t nat -D ${snat(LINES[1])}; ip address del ${LINES[1]}/24 dev uplink`,
	);
}

/** Restarts a container that gets another address, while two clients know it. A third client begins in between, a fourth after that. */
async function replaceContainer(host: DockerHost): Promise<void> {
	await host.publish("172.17.0.2");
	for (const port of [20_001, 20_002]) await host.send(port);
	await host.publish("");
	await host.send(20_003);
	await host.publish("172.17.0.3");
	await host.send(20_004);
}

/** Runs all sections. Returns the text that belongs between the marks of each. */
export async function transcribe(): Promise<ReadonlyMap<string, string>> {
	const stage = await createStage();
	const sections = new Map<string, string>();
	for (const [name, steps] of SECTIONS)
		sections.set(name, await transcribed(stage, steps));
	const [name, steps] = DOCKER;
	sections.set(name, await transcribed(await createDockerHost(), steps));
	return sections;
}

/** Types the lines. Returns them with their output, as a page shows them. */
export async function transcribed<T extends Typist>(
	stage: T,
	steps: readonly Step<T>[],
): Promise<string> {
	let text = "";
	for (const step of steps) {
		if (typeof step !== "string") {
			await step(stage);
			continue;
		}
		const { code, stdout, stderr } = await stage.type(step);
		if (stderr !== "") throw new Error(`${step}: ${stderr}`);
		const exit = code === 0 ? "" : `[exit ${code}]\n`;
		text += `$ ${step}\n${settled(stdout)}${exit}`;
	}
	return `\`\`\`console\n${text}\`\`\``;
}

/** Returns the text with the values replaced that differ between runs and machines: times, ids, counters. Rows are put in the order of their text. */
function settled(text: string): string {
	const lines = text
		.replace(/, for \d+ s/g, ", for 5 s")
		.replace(/left this node \d+ s ago/g, "left this node 5 s ago")
		.replace(/\b(8\d\d|900)s\b/g, "899s")
		.replace(/"timeout":\d+/g, '"timeout":899')
		.replace(/"id":\d+/g, '"id":1234567890')
		.replace(/(?<key>"?ms"?[:=])\d+/g, "$<key>2")
		.replace(/(?<key>"?scanned"?[:=])\d+/g, "$<key>6")
		.replace(/^conntrack-flush \d+\.\d+\.\d+/gm, "conntrack-flush VERSION")
		.replace(/looked at \d+/g, "looked at 6")
		// entries that packets still hold leave the count later
		.replace(/how=kernel-flush (shrank=\d+ )?/g, "how=kernel-flush shrank=1 ")
		// the abilities stay: they are the same on every kernel that the page is for
		.replace(/Linux \S+(?=: )/, "Linux VERSION")
		.replace(/\b\d{1,2} of \d+ (?=entries|\()/g, "8 of 262144 ")
		// the node's own ICMPv6 is among them
		.replace(/\b\d{3} of \d+ \(\d\.\d %\)/g, "911 of 262144 (0.3 %)")
		.replace(/^(?<counter>[a-z_]+ {2,})\d+$/gm, "$<counter>0")
		.replace(/unanswered for \d+\.\d s/g, "unanswered for 3.0 s")
		.replace(/, build \w+/g, ", build 0123456789ab")
		// the node's own ICMPv6, as long as it lasts
		.replace(/; \d+ of other protocols (?:is|are) not shown.*/g, "")
		.split("\n");
	const isRow = (line: string): boolean => /^(live|stale|other) /.test(line);
	const rows = lines.filter(isRow).sort();
	return lines
		.map((line) => (isRow(line) ? (rows.shift() ?? "") : line))
		.join("\n");
}
