// The words about the capability without which the kernel answers nothing.

export const MISSING =
	"CAP_NET_ADMIN is missing in this network namespace's user namespace";
export const REMEDY =
	"run as root on the node, or give the container NET_ADMIN and hostNetwork";
