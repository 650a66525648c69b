// What the plugin and the command line both assume where nothing else is said.

/** The directory of recorded attachments. */
export const DATA_DIR = "/run/cni/conntrack-flush";

/** Where libcni keeps what it knows of running pods. */
export const CACHE_DIR = "/var/lib/cni";
