// The proofs about the runtimes: the tests have these for their names, and
// docs/runtimes.md lists them.

export const PROOFS = {
	exchange:
		"senders reach each next pod within 1 s of its start, and then the node's own listener; no address, rule or record is left",
	control: "without conntrack-flush, the same senders stay lost",
	faults:
		"pods start and are deleted although conntrack-flush cannot work, and it says so",
	reload:
		"a pod started before conntrack-flush was configured: its deletion leads no sender astray",
	ready: "the node's network stays ready although conntrack-flush cannot work",
	crioCalls:
		"CHECK is called right after every ADD, and GC once after each start",
	restart: "the runtime restarts between ADD and DEL",
	dropIn: "conntrack-flush in a drop-in directory, the conflist left as it was",
	versions:
		"of several cniVersions, the highest that both sides know is spoken",
	status:
		"STATUS succeeds where conntrack cannot be used, and with strictStatus fails exactly there",
	gc: "GC forgets the pods that the runtime does not name, and removes what led to them",
	check:
		"CHECK succeeds, and with strictCheck fails exactly while an entry bypasses the pod",
	library:
		"the runtime's own library: pods start, and STATUS and GC succeed, although conntrack-flush cannot work or entries bypass the pod",
	scope:
		"scope pod: DEL removes what led to the pod without being told its ports",
} as const;

export type Proof = keyof typeof PROOFS;
