// IPVS keeps its own table of flows and decides after the nat rules. What it has given to
// a server stays there, whatever is removed from conntrack. The network is that of the
// flowtable: a client, and two servers that answer with their names.

import { CONTAINER_PORT, HOST_PORT } from "../scene.ts";
import { type Case, PATIENCE, says, types, within } from "../script.ts";

const VIP = "203.0.113.50";
const CLIENT = "192.0.2.2";
const OLD = `10.89.1.2:${CONTAINER_PORT}`;
const NEW = `10.89.2.2:${CONTAINER_PORT}`;
const SERVICE = `-u ${VIP}:${HOST_PORT}`;

/** The steps before the first case: no flowtable forwards past IPVS, and the node has the virtual address. */
export const PREPARE: readonly string[] = [
	"nft delete table inet fast",
	`ip addr add ${VIP}/32 dev lo`,
];

const set = (name: string, value: number): string =>
	`echo ${value} >/proc/sys/net/ipv4/vs/${name}`;
const server = (is: "a" | "d" | "e", to: string, weight?: number): string =>
	`ipvsadm -${is} ${SERVICE} -r ${to}${is === "d" ? "" : " -m"}${weight === undefined ? "" : ` -w ${weight}`} || fail "ipvsadm -${is} ${to}"`;
const asks = (port: number, answer: string): string =>
	`asks ${answer} ${CLIENT} ${port} ${VIP} ${HOST_PORT}`;

/** A service of one server, with the kernel's own settings but for `conntrack`: with 1, as kube-proxy sets it, conntrack has an entry of each flow. */
const begin = (conntrack: number, ...flags: readonly string[]): string[] => [
	"as='/opt/ip netns exec client'",
	"ipvsadm -C",
	set("conntrack", conntrack),
	set("expire_nodest_conn", 0),
	set("expire_quiescent_template", 0),
	["ipvsadm -A", SERVICE, "-s rr", ...flags].join(" "),
	server("a", OLD),
];
const flush = types(`flush --host-port ${HOST_PORT} --host-ip ${VIP}`);
const DECIDES = "IPVS decides about the flows to its 1 service";

export const IPVS_CASES: readonly Case[] = [
	{
		name: "IPVS: a flow ends with its server by expire_nodest_conn=1, and not by a removal from conntrack",
		phase: "ipvs",
		steps: () => [
			...begin(1),
			asks(7201, "old"),
			// translated, but without the status bit of a nat rule
			`entry ':7201 > ${VIP}:${HOST_PORT} . ${OLD} > ${CLIENT}:7201 seen$'`,
			types("list --all"),
			says("came to a service of IPVS, which decides where it leads", DECIDES),
			server("d", OLD),
			server("a", NEW),
			asks(7201, "nothing"),
			flush,
			says("deleted 1,", "1 of these came to services of IPVS", DECIDES),
			asks(7201, "nothing"),
			types("doctor"),
			says("warn  IPVS", "net.ipv4.vs.expire_nodest_conn=1"),
			set("expire_nodest_conn", 1),
			within(PATIENCE, asks(7201, "new")),
			types("doctor"),
			says("ok    IPVS"),
		],
	},
	{
		name: "IPVS: what is dropped does not keep the flow of a removed server alive",
		phase: "ipvs",
		steps: () => [
			...begin(0),
			"ipvsadm --set 0 0 5",
			asks(7202, "old"),
			server("d", OLD),
			server("a", NEW),
			asks(7202, "nothing"),
			// it sends more often than the timeout, and is heard all the same
			within(PATIENCE, asks(7202, "new")),
			"ipvsadm --set 0 0 300",
		],
	},
	{
		name: "IPVS: a server with weight 0 keeps its flows under either setting, until it is removed",
		phase: "ipvs",
		steps: () => [
			...begin(1),
			asks(7203, "old"),
			server("e", OLD, 0),
			server("a", NEW),
			set("expire_nodest_conn", 1),
			set("expire_quiescent_template", 1),
			asks(7203, "old"),
			flush,
			says("deleted 1,"),
			asks(7203, "old"),
			server("d", OLD),
			within(PATIENCE, asks(7203, "new")),
		],
	},
	{
		name: "IPVS: with persistence a client's new flows go to a server with weight 0 too, until expire_quiescent_template=1",
		phase: "ipvs",
		steps: () => [
			...begin(1, "-p 300"),
			asks(7204, "old"),
			server("e", OLD, 0),
			server("a", NEW),
			asks(7205, "old"),
			set("expire_quiescent_template", 1),
			asks(7206, "new"),
			asks(7204, "old"),
		],
	},
	{
		name: "IPVS: with conntrack=0, the default, its flows have no entry, and list says who decides",
		phase: "ipvs",
		steps: () => [
			...begin(0),
			asks(7207, "old"),
			"table </dev/null",
			types("list --all"),
			says("no entries", DECIDES),
			types("reconcile"),
			says("deleted 0,", DECIDES),
			// the flow outlives its service
			"ipvsadm -C",
			types("list --all"),
			says("IPVS still has flows of services that were removed"),
		],
	},
];
