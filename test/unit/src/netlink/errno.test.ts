// The names of errors.

import { expect, test } from "vitest";
import { EBUSY, errnoName } from "../../../../src/netlink/errno.ts";

test.each<[number, string]>([
	[EBUSY, "EBUSY"],
	[34, "ERANGE"],
	[71, "errno 71"],
])("%s is %s", (errno, name) => expect(errnoName(errno)).toBe(name));
