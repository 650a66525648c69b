// What is wrong around a list that can be changed, or what install cannot see: the plugin
// would be in the chain, and yet have nothing to do. doctor says the same.

import { type Called, hasCapability, isPortmap } from "./choice.ts";
import { isOurs } from "./edit.ts";

/** A sentence about what is so, and one about what to do. */
export interface Remark {
	readonly found: string;
	readonly advice: string;
	/** False if it may be so, and cannot be seen. */
	readonly isCertain: boolean;
}

const ADD_CAPABILITY = 'add to it: "capabilities": { "portMappings": true }';

/** Returns what is wrong around the list. Under CRI-O no plugin is given port mappings, so none lacks them. */
export function remarksOn(
	{ path, list, dropIns, multus }: Called,
	ofCrio: boolean,
): Remark[] {
	const plugins = [...list.plugins, ...dropIns.values()];
	const nth = plugins.findLastIndex(isPortmap) + 1;
	const remarks: Remark[] = [];
	const isDeaf = !plugins.some((p) => isPortmap(p) && hasCapability(p));
	if (!ofCrio && nth > 0 && isDeaf)
		remarks.push({
			found: `portmap, plugin ${nth} of ${path}, does not declare the capability, so it makes no rule for a hostPort`,
			advice: ADD_CAPABILITY,
			isCertain: true,
		});
	if (!ofCrio && multus && !multus.hasPortMappings)
		remarks.push({
			found: `Multus, in ${multus.path}, does not declare the capability, so no plugin that it calls learns of a hostPort`,
			advice: ADD_CAPABILITY,
			isCertain: true,
		});
	const isDropIn = [...dropIns.values()].some(isOurs);
	if (multus && isDropIn)
		remarks.push({
			found: `the plugin is a drop-in of ${path}, which only Multus 4.2.2 and later read`,
			advice: "put all plugins into the list",
			isCertain: false,
		});
	if (multus?.shadowedBy !== undefined)
		remarks.push({
			found: `${multus.path} names the network ${multus.shadowedBy}, and Multus takes a NetworkAttachmentDefinition of that name before ${path}`,
			advice: `see that there is none: kubectl get network-attachment-definitions -A`,
			isCertain: false,
		});
	return remarks;
}

/** Returns the remarks as lines, and the files that CRI-O does not take. */
export function notesOn(called: Called, ofCrio: boolean): string[] {
	return [
		...called.passedOver.map((why) => `CRI-O passes over ${why}`),
		...remarksOn(called, ofCrio).map(
			({ found, advice }) => `${found}: ${advice}`,
		),
	];
}
