// The page's table of hostPorts: who has each, how many entries it has, and the commands
// that show and repair them.

import { formatEndpoint } from "../net/endpoint.ts";
import { IPPROTO_UDP, protocolName } from "../net/proto.ts";
import { age, nameOf } from "../policy/words.ts";
import { type Html, html } from "./html.ts";
import { moment } from "./moment.ts";
import { cards, numberCell, section } from "./parts.ts";
import type { EntryCounts, HostPort, Tally } from "./tally.ts";

/** So many rows are shown, those with stale entries first. */
const MOST_SHOWN = 100;

/** One count of the entries. */
export interface Counted {
	/** In ms of the wall clock. */
	readonly at: number;
	readonly tally: Tally;
}

/** Returns the section. `flags` are those that a command needs to find this node's records. `error` tells why the last count failed. */
export function hostPortsSection(
	counted: Counted | undefined,
	error: string | undefined,
	flags: string,
): Html {
	return section(
		"hostports",
		"HostPorts",
		html`${error !== undefined && html`<p class="fail">The entries could not be counted: ${error}</p>`}
${counted && body(counted, flags)}`,
	);
}

function body({ at, tally }: Counted, flags: string): Html {
	const { hostPorts, others, portsLeftOut, withoutRules, undecodable } = tally;
	const sorted = hostPorts.toSorted(
		(a, b) => b.stale - a.stale || a.hostPort - b.hostPort || a.proto - b.proto,
	);
	const shown = sorted.slice(0, MOST_SHOWN);
	const hidden = sorted.slice(MOST_SHOWN);
	const rest = [others, ...hidden].reduce(joined);
	const ports =
		portsLeftOut + hidden.reduce((sum, { count }) => sum + count, 0);
	const isEmpty = hostPorts.length === 0;
	return html`${isEmpty ? NONE : summary([others, ...hostPorts].reduce(joined))}
${withoutRules !== undefined && html`<p class="warn">Judged by the records alone: ${withoutRules}</p>`}
${undecodable > 0 && html`<p class="warn">${undecodable} entries could not be decoded.</p>`}
${
	!isEmpty &&
	cards(
		["HostPort", "Who has it", ...NUMBERS.map((n) => `#${n}`)],
		shown.map((row) => rowOf(row, flags)),
	)
}
${(ports > 0 || rest.entries > 0) && html`<p>And ${ports} more ports, with ${inWords(rest)}.</p>`}
<p class="dim">Counted ${moment(at)}. ${!isEmpty && LEGEND}</p>`;
}

const NUMBERS = ["Entries", "Live", "Stale", "Bypassing"] as const;
const NONE = html`<p>No pod with a hostPort is recorded or cached on this node, and no entry leads to a port that another program publishes.</p>`;
const LEGEND = html`An entry is what the kernel remembers of one client's socket. It is live if it leads to the pod, and stale if it keeps the client's traffic from the pod; a stale one is bypassing if it ends on the node itself. What is neither belongs to the node's own listeners. A click on a command selects all of it.`;

function joined(a: EntryCounts, b: EntryCounts): EntryCounts {
	return {
		entries: a.entries + b.entries,
		live: a.live + b.live,
		stale: a.stale + b.stale,
		bypassing: a.bypassing + b.bypassing,
	};
}

function inWords({ entries, live, stale, bypassing }: EntryCounts): string {
	return `${entries} entries: ${live} live, ${stale} stale, ${bypassing} of these bypassing`;
}

function summary(all: EntryCounts): Html {
	const words =
		all.stale > 0
			? html`<strong class="fail">Stale entries keep traffic from their pods: ${all.stale}.</strong>`
			: html`<strong class="ok">No entry keeps traffic from its pod.</strong>`;
	return html`<p>${words} ${inWords(all)}.</p>`;
}

function rowOf(row: HostPort, flags: string): Html {
	const { hostPort, count, hostIP, entries, live, stale, bypassing } = row;
	const proto = protocolName(row.proto);
	/** The rest of `8000-8099`. */
	const rest = count > 1 ? `-${hostPort + count - 1}` : "";
	const [name, ip] =
		hostIP === null
			? [`${hostPort}`, ""]
			: [formatEndpoint(hostIP, hostPort), ` --host-ip ${hostIP}`];
	const selected = `--host-port ${hostPort}${rest}${ip} --proto ${proto}${flags}`;
	const rules = row.attachment ? "" : " --rules";
	// what the rules alone tell is repaired for UDP
	const canRepair = row.attachment || row.proto === IPPROTO_UDP;
	return html`<tr><th scope="row">${proto} ${name}${rest}</th><td>${whoHas(row)}</td>
${[entries, live, stale, bypassing].map((n, i) => numberCell(NUMBERS[i] ?? "", n, i > 1 && n > 0 ? "fail" : ""))}</tr>
<tr class="more"><td colspan="6">
<div>see them: <code>conntrack-flush list ${selected}</code></div>
${stale > 0 && canRepair && html`<div>see what would go, and without -n remove it: <code>conntrack-flush flush --stale${rules} ${selected} -n</code></div>`}
${row.examples.map((example) => html`<div>stale: ${example}</div>`)}
</td></tr>
`;
}

function whoHas({ attachment, heldMs, target }: HostPort): Html {
	if (!attachment)
		return html`published by the rules of another program${target !== undefined && `, at ${target}`}`;
	return html`${nameOf(attachment)}${heldMs !== undefined && html` <span class="dim">for ${age(heldMs)}</span>`}`;
}
