// The errors that ctnetlink and rtnetlink give, and their names.

// asm-generic/errno.h
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EOPNOTSUPP = 95;
export const ENOBUFS = 105;
const ERRNO: Readonly<Record<number, string>> = {
	[EPERM]: "EPERM",
	[ENOENT]: "ENOENT",
	[EINTR]: "EINTR",
	[EAGAIN]: "EAGAIN",
	12: "ENOMEM",
	[EBUSY]: "EBUSY",
	17: "EEXIST",
	[ENODEV]: "ENODEV",
	[EINVAL]: "EINVAL",
	34: "ERANGE",
	93: "EPROTONOSUPPORT",
	[EOPNOTSUPP]: "EOPNOTSUPP",
	[ENOBUFS]: "ENOBUFS",
};

/** Returns the error's name, or `errno 71` for one that we do not expect. */
export function errnoName(errno: number): string {
	return ERRNO[errno] ?? `errno ${errno}`;
}
