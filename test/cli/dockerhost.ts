// A host of Docker for the command line: Docker's rules in nat, clients outside, and no
// CNI. Its containers are addresses that nobody has, because no command asks them.

import { must, run } from "../support/exec.ts";
import { equip, HOST4 } from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { openStation } from "../support/station.ts";
import { createTopology } from "../support/topology.ts";
import { HOST_PORT, type Typist } from "./stage.ts";

export interface DockerHost extends Typist {
	/** Publishes the port of the container with this address, in place of the one before; "" publishes none. */
	publish(address: string): Promise<void>;
	/** Sends a datagram from outside, from this source port, and waits for no answer. */
	send(port: number): Promise<void>;
}

export async function createDockerHost(): Promise<DockerHost> {
	const { node, world } = await createTopology();
	const type = (line: string) =>
		run(node.inside(["unshare", "-m", "bash", "--norc", "-c", SHELL]), {
			input: line,
			env: { PATH: `${OUR_BIN}:${process.env.PATH}` },
		});
	await must(node.inside("ip link add docker0 type bridge".split(" ")));
	await equip(node, { addresses: { docker0: ["172.17.0.1/16"] } });
	const nat = async (words: string): Promise<unknown> =>
		must(node.inside(`iptables -w -t nat ${words}`.split(" ")));
	await nat("-N DOCKER");
	await nat("-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER");
	await nat(
		"-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
	);
	const station = await openStation(world);
	let sent = 0;
	return {
		type,
		async publish(address) {
			await nat("-F DOCKER");
			if (address !== "")
				await nat(
					`-A DOCKER ! -i docker0 -p udp -m udp --dport ${HOST_PORT} -j DNAT --to-destination ${address}:${HOST_PORT}`,
				);
		},
		send: (port) =>
			station.once({
				id: ++sent,
				from: { port },
				to: { host: HOST4, port: HOST_PORT },
				asks: false,
			}),
	};
}

/** Hides what the machine has of CNI, and runs the line from standard input. */
const SHELL = `
for dir in /run /var/lib /etc/cni; do
	[ ! -d $dir ] || mount -t tmpfs none $dir
done
line=$(cat)
exec 2>&1 </dev/null
eval "$line"
`;
