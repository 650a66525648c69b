// What to add by hand, where the installer may not.

import { TYPE } from "./conflist.ts";
import { type Keys, singleItem, spaced, splitItems } from "./edit.ts";
import { DROP_IN } from "./plan.ts";

/** The entries and where they belong, for a reader. */
export function advise(ofCrio: boolean, keys: Keys): string {
	const single = spaced(singleItem(ofCrio, keys));
	const dropIn = `With containerd 2.1 or CRI-O 1.33, instead, a file NETWORK/${DROP_IN} beside the conflist,
NETWORK being the name in it:

  ${single}
`;
	if (ofCrio)
		return `At the end of the plugins of the conflist:

  ${single}

${dropIn}`;
	const [del, add] = splitItems(keys).map(spaced);
	return `In the plugins of the conflist, before portmap and after it:

  ${del},
  { "type": "portmap", ... },
  ${add}

${dropIn}
The executable ${TYPE} belongs where portmap is, and there first.
`;
}
