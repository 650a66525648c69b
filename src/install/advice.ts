// The text of `install --mode print`: what to add by hand on a node where the
// installer is not to write. It changes nothing.

import { TYPE } from "./conflist.ts";
import { type Keys, singleItem, spaced, splitItems } from "./edit.ts";
import { DROP_IN } from "./network.ts";

/** Returns the plugin items and where they belong, for a reader. */
export function advise(ofCrio: boolean, keys: Keys): string {
	const single = spaced(singleItem(ofCrio, keys));
	const dropIn = `With containerd 2.1, CRI-O 1.33 or newer, put a single plugin item into a file instead:
NETWORK/${DROP_IN} beside the conflist. NETWORK is the name in the conflist.

  ${single}
`;
	const executable = `Copy the executable ${TYPE} into the directory of the other plugins before you change a configuration.
`;
	if (ofCrio)
		return `Add a single plugin item at the end of the plugins of the conflist:

  ${single}

${dropIn}
${executable}`;
	const [del, add] = splitItems(keys).map(spaced);
	return `Add two plugin items to the plugins of the conflist, one before portmap and one after it:

  ${del},
  { "type": "portmap", ... },
  ${add}

${dropIn}
${executable}`;
}
