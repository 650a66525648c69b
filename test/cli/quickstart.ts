// The transcript of docs/quickstart.md for a node without Kubernetes: the real bridge and
// portmap in the usual directories, cnitool in place of containerd, and a client outside.
// The node's directories are a mount namespace's own, so nothing of this machine is touched.

import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { type Ran, start } from "../support/exec.ts";
import { HOST4 } from "../support/node.ts";
import {
	CNI_BIN,
	checkRequirements,
	OUR_BIN,
} from "../support/requirements.ts";
import { tool, version } from "../support/runtimes/tools.ts";
import { openStation } from "../support/station.ts";
import { createTopology } from "../support/topology.ts";
import { onEnd } from "../support/undo.ts";
import type { Typist } from "./stage.ts";
import { type Step, transcribed } from "./transcript.ts";

const PLUGINS = ["bridge", "host-local", "loopback", "portmap"];
const LIST = {
	cniVersion: "1.0.0",
	name: "mynet",
	plugins: [
		{
			type: "bridge",
			bridge: "cni0",
			isGateway: true,
			ipMasq: true,
			ipam: {
				type: "host-local",
				ranges: [[{ subnet: "10.88.0.0/16" }]],
				routes: [{ dst: "0.0.0.0/0" }],
			},
		},
		{ type: "portmap", capabilities: { portMappings: true } },
	],
};

/** Gives the shell directories of its own. `$1` has the plugins. */
const SETUP = `
mount -t tmpfs none /run && mkdir -p /run/netns /run/etc /run/etc.work /run/lib /run/lib.work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc.work etc /etc
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib,workdir=/run/lib.work lib /var/lib
mount -t tmpfs none /opt && mkdir -p /opt/cni/bin && cp "$1"/* /opt/cni/bin
for dir in /usr/lib/cni /usr/libexec/cni; do [ ! -d "$dir" ] || mount -t tmpfs none "$dir"; done
rm -rf /etc/cni /var/lib/cni && mkdir -p /etc/cni/net.d
cat > /etc/cni/net.d/10-mynet.conflist
cd /root
exec 2>&1
while IFS= read -r -d '' line <&3; do
	eval "$line" </dev/null
	printf '\\n%s %d\\n' "$2" $?
done
`;
const MARK = "--- the line has ended:";

interface BareNode extends Typist {
	/** A client outside sends a datagram from this port to the hostPort. */
	send(port: number): Promise<void>;
}

async function createBareNode(): Promise<BareNode> {
	checkRequirements();
	const topology = await createTopology();
	const world = await openStation(topology.world);
	const plugins = join(topology.dir, "plugins");
	mkdirSync(plugins);
	for (const name of PLUGINS)
		copyFileSync(join(CNI_BIN, name), join(plugins, name));
	const cnitool = tool(`cnitool-${version("CNI")}/cnitool`);
	const shell = start(
		topology.node.inside([
			...["unshare", "-m", "bash", "--norc", "-c", SETUP, "bash"],
			...[plugins, MARK],
		]),
		{
			stdio: ["pipe", "pipe", "inherit", "pipe"],
			env: {
				PATH: `${OUR_BIN}:${dirname(cnitool)}:${process.env.PATH}`,
				HOME: "/root",
			},
		},
	);
	onEnd(() => shell.kill());
	shell.stdin?.end(JSON.stringify(LIST, undefined, 2));
	const typed = shell.stdio[3] as NodeJS.WritableStream;
	if (!shell.stdout) throw new Error("the shell has no output");
	const lines = createInterface(shell.stdout)[Symbol.asyncIterator]();
	let sent = 0;
	return {
		async type(line): Promise<Ran> {
			typed.write(`${line}\0`);
			let stdout = "";
			for (;;) {
				const { value, done } = await lines.next();
				if (done) throw new Error(`the shell has ended at: ${line}`);
				if (value.startsWith(MARK)) {
					const code = Number(value.slice(MARK.length));
					// the mark begins with a line feed of its own
					const said = stdout.replace(/\n$/, "");
					return { code, stdout: said, stderr: "", endedAt: 0 } as Ran;
				}
				stdout += `${value}\n`;
			}
		},
		async send(port) {
			await world.once({
				id: ++sent,
				from: { port },
				to: { host: HOST4, port: 8125 },
				asks: false,
			});
			await world.answered();
		},
	};
}

const add = (pod: string): string =>
	`cnitool add mynet /run/netns/${pod} > /dev/null`;
const STEPS: readonly Step<BareNode>[] = [
	"conntrack-flush install --dry-run",
	"conntrack-flush install",
	"conntrack-flush install --check && echo in place",
	`export CNI_PATH=/opt/cni/bin CAP_ARGS='{"portMappings": [{"hostPort": 8125, "containerPort": 5353, "protocol": "udp"}]}'`,
	"ip netns add pod1; ip netns add pod2",
	add("pod1"),
	(node) => node.send(20_001),
	"conntrack-flush list",
	"cnitool del mynet /run/netns/pod1 && ip netns delete pod1",
	"conntrack-flush list",
	add("pod2"),
	(node) => node.send(20_001),
	"conntrack-flush list",
	"conntrack-flush doctor",
	"cnitool del mynet /run/netns/pod2 && ip netns delete pod2",
	"conntrack-flush uninstall --grace 0",
];

/** Returns the text that belongs between the marks of the page. */
export async function transcribeNode(): Promise<ReadonlyMap<string, string>> {
	return new Map([["node", await transcribed(await createBareNode(), STEPS)]]);
}
