# The front door. `make` lists the targets.

TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')

NATIVE := plugin/host/native
OUT := build/out
EXE := $(OUT)/conntrack-flush
PROBE := $(OUT)/conntrack-flush-probe
BUILT := $(NATIVE)/target/$(TARGET)/release/conntrack-flush

MODULES := node_modules/.package-lock.json
SCHEMAS := plugin/cni/conf.schema.json src/reconcile/frontends.schema.json
# `npm run schema` makes the validators of all schemas.
VALIDATOR := build/gen/conf.validate.js
SOURCES := $(shell find plugin src -name '*.ts' -not -path '$(NATIVE)/*')
PROBED := test/conformance/probe.ts test/conformance/lazy.ts test/fuzz/scan.ts \
	test/support/entries.ts test/support/legacytable.ts $(shell find src -name '*.ts' -not -path 'src/cli/*')
RUST := $(NATIVE)/Cargo.toml $(NATIVE)/Cargo.lock $(NATIVE)/build.rs \
	$(NATIVE)/unwind.ld $(NATIVE)/.cargo/config.toml $(wildcard $(NATIVE)/src/*.rs)

# Panic messages name source files, so the paths of this machine would end up in
# the executable.
CARGO_HOME ?= $(HOME)/.cargo
CARGO := cargo build --release --locked --quiet --target $(TARGET) --config \
	"target.'cfg(all())'.rustflags=['--remap-path-prefix=$(CARGO_HOME)=/cargo','--remap-path-prefix=$(CURDIR)=/src']"

# Programs that clean up are started by node: after Ctrl-C the command tsx kills a child
# that is still at it.

# What a pattern rule makes on the way stays: a release is packed from it.
.SECONDARY:

# Packages come first, even with -j, because they bring the compiler.
.NOTPARALLEL:

# The minor version of the cluster's Kubernetes, which is built once.
KUBERNETES ?= 1.37

# The architectures that there are executables for beside this machine's, amd64.
OTHERS := arm64 armv7 ppc64le riscv64 s390x
# Those that a call is about, such as "amd64 arm64".
ARCH ?= amd64
OTHER := $(filter-out amd64,$(ARCH))
# The directory that a release fills.
DIST ?= dist
RELEASE_TOOLS := $(OUT)/release-tools/.built
NPM_PACKED := $(OUT)/npm/.packed

# What a release says of itself. Another directory without a repository of its own gets
# these, and GIT_DIR, from the environment.
export RELEASE_EPOCH ?= $(shell git log -1 --format=%ct)
export RELEASE_COMMIT ?= $(shell git rev-parse HEAD)
export RELEASE_SOURCE ?= https://git.example/conntrack-flush
export RELEASE_BUILDER ?= $(RELEASE_SOURCE)/blob/main/RELEASING.md

.PHONY: help arch-packages arches bench build bursts changes clean cluster cluster-down cluster-test demo \
	demo-packages engines exe kernels notice npm oracles packages push push-login races release \
	release-packages rules runtimes sbom skew soak test

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: $(EXE) ## the executable, build/out/conntrack-flush
	@cat $(OUT)/bundle/*.js | wc -c | sed 's/$$/ bytes: the bundle, build\/out\/bundle/'
	@wc -c < $(EXE) | sed 's/$$/ bytes: the executable, build\/out\/conntrack-flush/'

demo: demo-packages $(EXE) ## the bug and its cure, side by side
	npm run demo

exe: arch-packages $(ARCH:%=$(OUT)/arch/%/conntrack-flush) ## the executable of other architectures, to build/out/arch: ARCH="arm64 armv7 ppc64le riscv64 s390x"

arches: packages arch-packages $(EXE) $(OTHERS:%=$(OUT)/arch/%/conntrack-flush) ## the executables of all architectures, and the release of all, each tried under an emulator
	ARCHES="$(OTHERS)" npx vitest run --config test/vitest.config.ts --project root test/arches test/release

test: packages runtimes $(EXE) $(PROBE) npm ## everything, on a real kernel; as root
	npm test

bench: packages $(EXE) ## start-up, memory and speed against the budgets
	npm run bench -- $(ARGS)

bursts: packages $(EXE) ## many calls at once: killed, at random, and measured
	BURST_EVERY=1 BURST_ROUNDS=300 npx vitest run --config test/vitest.config.ts --project root test/kernel/burst
	node --import tsx test/bench/bursts.ts $(ARGS)

packages:
	@sh test/packages.sh all

# Only those that a machine for releases needs: compilers for all, and the emulators.
arch-packages:
	@sh test/packages.sh arches

demo-packages:
	@sh test/packages.sh demo

# The programs that the tests of real runtimes run go to build/out/tools.
runtimes:
	bash test/support/runtimes/setup.sh

kernels: packages $(EXE) $(OTHER:%=arch-packages) $(OTHER:%=$(OUT)/arch/%/conntrack-flush) ## boot Debian's kernels in qemu and try everything on them; ARCH=arm64 or s390x: one of that architecture
	ARCH=$(ARCH) node --import tsx test/kernels/main.ts

races: packages $(EXE) ## packets of new flows that meet on two CPUs, here and on Debian's kernels
	RACES_PAIRS=3000 node --import tsx test/races/main.ts

soak: packages $(EXE) ## two minutes of pods coming and going under traffic
	node --import tsx test/soak/main.ts

skew: packages runtimes $(EXE) ## pods of an earlier version under this one, and the other way round; SKEW_COMMIT chooses it
	SKEW_BIN=$$(sh test/support/neighbour.sh $(SKEW_COMMIT)) && export SKEW_BIN && \
		npx vitest run --config test/vitest.config.ts --project root test/harness/skew.test.ts

rules: packages $(EXE) ## five minutes of random nat rules, judged and then asked of the kernel
	RULES_ROUNDS=500 npx vitest run --config test/vitest.config.ts --project root test/rules/accuracy.test.ts

oracles: packages runtimes $(EXE) ## thousands of configurations and lists of Services, read by the code of containerd, CRI-O, Multus and kube-proxy, and by ours
	ORACLE_DIRECTORIES=2100 SERVICES_CASES=40000 npx vitest run --config test/vitest.config.ts --project apart test/oracle

engines: packages $(EXE) ## Docker, Podman and CRI-O, the newest Docker too
	EVERY_ENGINE=1 bash test/support/runtimes/setup.sh
	npx vitest run --config test/vitest.config.ts --project root test/harness/engines

cluster: packages runtimes $(EXE) ## a Kubernetes of two nodes in namespaces, until Ctrl-C or make cluster-down
	@bash test/cluster/build.sh $(KUBERNETES) >/dev/null
	@node --import tsx test/cluster/main.ts up --kubernetes $(KUBERNETES) $(ARGS)

cluster-down: $(MODULES) ## end what make cluster has started
	@node --import tsx test/cluster/main.ts down $(ARGS)

cluster-test: packages runtimes $(EXE) ## everything that happens to pods and nodes, in four clusters
	@bash test/cluster/build.sh $(KUBERNETES) >/dev/null
	CLUSTER_EVERY=1 KUBERNETES=$(KUBERNETES) npx vitest run --config test/vitest.config.ts --project cluster

sbom: $(OUT)/sbom.json ## what is inside the executable, in CycloneDX

notice: $(OUT)/NOTICE ## the licences of everything that is inside the executable

release: release-packages $(OTHER:%=arch-packages) $(RELEASE_TOOLS) $(ARCH:%=$(OUT)/arch/%/NOTICE) $(OUT)/texts/.printed $(NPM_PACKED) ## everything that is published, in DIST (dist), for each ARCH
	sh build/release/sources.sh $(OUT)/sources $(ARCH)
	node --import tsx build/release/main.ts $(DIST) $(ARCH)

push: $(RELEASE_TOOLS) ## the image of DIST to a registry: IMAGE=registry.example/conntrack-flush
	@sh build/release/push.sh $(DIST) $(IMAGE)

push-login: $(RELEASE_TOOLS) ## to the registry of IMAGE, as REGISTRY_USER, with the password in the environment's REGISTRY_PASSWORD
	@printenv REGISTRY_PASSWORD | $(OUT)/release-tools/oras login $(firstword $(subst /, ,$(IMAGE))) \
		--username $(REGISTRY_USER) --password-stdin

changes: ## what CHANGELOG.md says of this version
	@sed '1,/^## '"$$(node -p 'require("./package.json").version')"'/d; /^## /,$$d' CHANGELOG.md

release-packages:
	@sh test/packages.sh release

npm: $(NPM_PACKED) ## the npm package, build/out/npm/conntrack-flush-VERSION.tgz

clean: ## remove what was built
	rm -rf $(OUT) build/gen $(NATIVE)/target

$(MODULES): package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

$(VALIDATOR): $(SCHEMAS) build/schema.ts | $(MODULES)
	npm run --silent schema

$(OUT)/bundle/main.js: $(SOURCES) $(VALIDATOR) build/bundle.config.ts package.json
	npm run --silent bundle

$(NPM_PACKED): $(SOURCES) $(wildcard npm/*.ts npm/examples/*) $(VALIDATOR) build/npm.ts package.json tsconfig.node.json docs/library.md
	npx tsx build/npm.ts
	@touch $@

$(RELEASE_TOOLS): build/tools/go.mod build/tools/go.sum
	@# a module proxy may refuse what it has not fetched yet
	cd build/tools && { go mod download || { sleep 20 && go mod download; }; }
	cd build/tools && CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
		go build -trimpath -ldflags '-s -w' -o $(CURDIR)/$(@D)/ tool
	@touch $@

$(OUT)/sbom.json: $(EXE) build/sbom.ts
	npx tsx build/sbom.ts $(EXE) > $@

$(OUT)/NOTICE: $(OUT)/sbom.json build/notice.ts build/notice.head.txt
	npx tsx build/notice.ts $< > $@

$(OUT)/arch/%/sbom.json: $(OUT)/arch/%/conntrack-flush build/sbom.ts build/toolchain.ts
	npx tsx build/sbom.ts $< $* > $@

$(OUT)/arch/%/NOTICE: $(OUT)/arch/%/sbom.json build/notice.ts build/notice.head.txt
	npx tsx build/notice.ts $< $* > $@

# What the executable prints about itself is the same on each architecture.
$(OUT)/texts/.printed: $(EXE)
	@mkdir -p $(@D)
	$(EXE) man | gzip -9 --no-name > $(@D)/conntrack-flush.8.gz
	for shell in bash zsh fish; do $(EXE) completion $$shell > $(@D)/conntrack-flush.$$shell; done
	@touch $@

$(EXE): $(OUT)/bundle/main.js $(RUST)
	cd $(NATIVE) && $(CARGO)
	@install -D $(BUILT) $@

$(OUT)/arch/amd64/conntrack-flush: $(EXE)
	@install -D $< $@

$(OTHERS:%=$(OUT)/arch/%/conntrack-flush): $(OUT)/arch/%/conntrack-flush: $(OUT)/bundle/main.js $(RUST) build/cross.sh build/sysroot.sh build/apt.sh
	sh build/cross.sh $*

# The same host runs the conformance tests' bundle.
$(OUT)/probe/main.js: $(PROBED) build/bundle.config.ts | $(MODULES)
	ENTRY=test/conformance/probe.ts OUT=$(@D) npm run --silent bundle

# This comes after the plugin, because both builds share cargo's directory.
$(PROBE): $(OUT)/probe/main.js $(RUST) | $(EXE)
	cd $(NATIVE) && $(CARGO) --features probe
	@install -D $(BUILT) $@
