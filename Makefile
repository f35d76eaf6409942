# tanist. `make help` lists the targets.
#
# Variables: CC=gcc|clang   WERROR=1   V=1   SAN=address|thread   B=build folder   T=seconds of each fuzz target
#            TESTS=tests/t/100_wire.t (for e2e)   SIM_SEEDS=1000 or SEEDS=1..1000 (for sim)   PREFIX, DESTDIR (for install)
SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

VERSION := $(or $(shell sed -n 's/^\#define TANIST_VERSION "\(.*\)"/\1/p' proxy/*.h 2>/dev/null),0)

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(SAN),fuzz)
override CC := clang
endif
B ?= build$(if $(SAN),-$(SAN))
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
T ?= 20
# How many compilers `make check`, asan, tsan and demo may run at once.
JOBS ?= -j$(shell nproc)

# ---- Compiler --------------------------------------------------------------------------------------------------

cc-option = $(shell echo 'int x;' | $(CC) -Werror $(1) -x c -c -o /dev/null - >/dev/null 2>&1 && echo '$(1)')

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wold-style-definition -Wmissing-prototypes -Wmissing-declarations -Wformat=2 -Wundef -Wvla \
	-Wpointer-arith -Wcast-align -Wcast-qual -Wwrite-strings -Wnull-dereference -Wswitch-enum \
	-Wdouble-promotion -fno-common -fno-omit-frame-pointer
WARN += $(foreach w,-Wimplicit-fallthrough=5 -Wlogical-op -Wduplicated-cond -Wduplicated-branches \
	-Wstringop-overflow=4 -Walloca -Wthread-safety -Wcomma -Wconditional-uninitialized,$(call cc-option,$(w)))
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong $(call cc-option,-fstack-clash-protection) \
	$(call cc-option,-fcf-protection) -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now

PKGS := libuv libpq openssl inih
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

ifeq ($(SAN),address)
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
HARDEN :=
endif
ifeq ($(SAN),thread)
SANFLAGS := -fsanitize=thread
HARDEN :=
endif
ifeq ($(SAN),fuzz)
SANFLAGS := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
HARDEN :=
endif
ifeq ($(SAN),cov)
SANFLAGS := --coverage -O0
HARDEN :=
endif

CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SANFLAGS) $(PKG_CFLAGS) -pthread
ALL_LDFLAGS := $(LDFLAGS) $(if $(SAN),,$(LDHARDEN)) $(SANFLAGS) -pthread

# V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# ---- Sources ---------------------------------------------------------------------------------------------------

PURE_SRC := $(wildcard replication/base/*.c replication/core/*.c proxy/wire/*.c proxy/core/*.c)
SHELL_SRC := $(wildcard replication/*.c proxy/*.c proxy/admin/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_HELP_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
SIM_SRC := $(wildcard tests/sim/*.c)
DIFF_SRC := $(wildcard tests/diff/*.c)
CONSISTENCY_SRC := $(wildcard tests/consistency/*.c)
SOAK_SRC := $(wildcard tests/soak/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
HEADERS := $(wildcard replication/*.h replication/*/*.h proxy/*.h proxy/*/*.h tests/*/*.h)
C_FILES := $(PURE_SRC) $(SHELL_SRC) $(UNIT_SRC) $(UNIT_HELP_SRC) $(SIM_SRC) $(CONSISTENCY_SRC) $(SOAK_SRC) $(DIFF_SRC) $(FUZZ_SRC) $(wildcard tests/oracle/*.c) $(HEADERS)

obj = $(patsubst %.c,$(B)/%.o,$(1))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%.t,$(UNIT_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))

all: $(B)/tanist ## build the binary (build/tanist)

$(B)/tanist: $(call obj,$(SHELL_SRC)) $(B)/libpure.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libpure.a: $(call obj,$(PURE_SRC))
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/unit/%.t: $(B)/tests/unit/%.o $(call obj,$(UNIT_HELP_SRC)) $(B)/libpure.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libpure.a -lcmocka $(UNIT_LIBS) $(PKG_LIBS)

# Parts of the shell that can be tested without a daemon.
$(B)/unit/test_proxy_conf.t: $(call obj,$(wildcard proxy/proxy_conf*.c replication/repl_conf*.c replication/pgconn.c))
$(B)/unit/test_console_parse.t: $(B)/proxy/admin/console_parse.o
$(B)/unit/test_journal.t: $(B)/replication/journal.o
$(B)/unit/test_publish.t: $(B)/replication/publish.o
$(B)/unit/test_repl_conf.t: $(B)/replication/repl_conf.o $(B)/replication/repl_conf_conninfo.o $(B)/replication/pgconn.o
$(B)/unit/test_actions_pg.t: $(B)/replication/actions_pg.o $(B)/replication/actions_sql.o $(B)/replication/pgconn.o $(B)/replication/hook.o
$(B)/unit/test_merge.t: $(B)/proxy/admin/merge.o $(B)/proxy/admin/averages.o
$(B)/unit/test_answer.t: $(B)/proxy/admin/answer.o
$(B)/unit/test_extended.t: $(B)/proxy/admin/extended.o
$(B)/unit/test_cli_print.t: $(B)/proxy/cli_print.o
$(B)/unit/test_tls.t: $(B)/proxy/tls.o $(B)/proxy/stream.o
$(B)/unit/test_prepared.t: $(B)/proxy/prepared.o
$(B)/unit/test_inbuf.t: $(B)/proxy/inbuf.o
$(B)/unit/test_limits.t: $(B)/proxy/limits.o
$(B)/unit/test_gather.t: $(B)/proxy/gather.o
$(B)/unit/test_history.t: $(B)/tests/consistency/history.o

# libpg_query is PostgreSQL's own grammar: the oracle for our classification, in tests only.
$(B)/unit/test_classify_oracle.t: UNIT_LIBS := -lpg_query -ljansson

$(B)/sim: $(call obj,$(SIM_SRC)) $(B)/libpure.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/consistency: $(call obj,$(CONSISTENCY_SRC)) $(B)/libpure.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/diff: $(call obj,$(DIFF_SRC)) $(B)/libpure.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/soak: $(call obj,$(SOAK_SRC)) $(B)/libpure.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/libpure.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(B)/libpure.a $(PKG_LIBS)

$(B)/fuzz/fuzz_console_parse: $(B)/proxy/admin/console_parse.o

.SECONDARY:

# ---- Packages --------------------------------------------------------------------------------------------------

DEPS_BUILD := gcc libc6-dev make pkg-config libuv1-dev libpq-dev libssl-dev libinih-dev uthash-dev
DEPS_RUN := postgresql-15 postgresql-client-15 perl util-linux
DEPS_TEST := $(DEPS_RUN) postgresql-server-dev-15 libipc-run-perl libcmocka-dev libjansson-dev libpg-query-dev \
	clang clang-format libclang-rt-14-dev valgrind git openssl bzip2

deps: ## install the missing Debian 12 packages (root or sudo)
	@tests/tools/deps $(DEPS_BUILD) $(DEPS_TEST)

# Each driver's packages on their own: what cannot be had is named, and its driver is skipped by the tests.
deps-drivers:
	@tests/drivers/install $(B)/drivers $(DRIVERS)

deps-demo:
	@tests/tools/deps $(DEPS_BUILD) $(DEPS_RUN)

# ---- Demo ------------------------------------------------------------------------------------------------------

# The Makefile was read before the packages came, so the work is done by a second make.
demo: deps-demo ## a primary, two replicas and tanist under .demo/, and what to try
	@$(MAKE) --no-print-directory $(JOBS) all
	@contrib/demo/demo start $(B)/tanist

demo-kill: ## kill the demo's primary with -9 under load and show what clients saw
	@contrib/demo/demo kill $(B)/tanist

demo-stop: ## stop and remove what make demo made
	@contrib/demo/demo stop $(B)/tanist

# ---- Tests -----------------------------------------------------------------------------------------------------

# The oldest supported pg_config wins over a newer one in PATH: tests are written for PostgreSQL 15's Perl modules.
export PG_CONFIG ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
export TANIST_BUILD := $(abspath $(B))
TESTS ?= $(sort $(wildcard tests/t/*.t))
# SIM_SEEDS=100000 is short for SEEDS=1..100000.
SEEDS ?= 1..$(or $(SIM_SEEDS),1000)

# What a sanitizer finds must fail the test that met it.
export ASAN_OPTIONS ?= detect_leaks=1:abort_on_error=0:exitcode=99:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1:exitcode=99
export TSAN_OPTIONS ?= exitcode=99:halt_on_error=0:second_deadlock_stack=1

check: deps ## packages, build, unit tests, simulator, lints, end-to-end tests
	@$(MAKE) --no-print-directory $(JOBS) all build-tests
	@$(MAKE) --no-print-directory lint-includes lint-headers lint-size lint-tokens lint-conf
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory sim
	@$(MAKE) --no-print-directory e2e

build-tests: $(UNIT_BIN) $(if $(SIM_SRC),$(B)/sim) $(B)/consistency $(B)/soak $(B)/diff

unit: $(UNIT_BIN) ## build and run the unit tests
	$(if $(UNIT_BIN),CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' $(UNIT_BIN))

sim: $(if $(SIM_SRC),$(B)/sim) ## run the failover simulator over SEEDS
	$(if $(SIM_SRC),$(B)/sim --tap --seeds $(SEEDS),@:)

e2e: all $(B)/consistency $(B)/soak $(B)/diff ## end-to-end tests on real servers (TESTS=... for some)
	prove -I tests/lib --timer $(TESTS)

diff: all $(B)/diff ## the differential tester (DIFF_STATEMENTS=10000 DIFF_SEED=1 DIFF_OPTIONS='...' DIFF_SECONDS=n)
	prove -I tests/lib --timer -v tests/t/240_differential.t

check-consistency: all $(B)/consistency ## the consistency checker with a million reads for each level (READS=...)
	TANIST_CONSISTENCY_READS=$(or $(READS),1000000) TANIST_TEST_MAX=7200 prove -I tests/lib --timer -v tests/t/330_consistency.t

soak: all $(B)/soak ## many clients on twenty servers (SOAK_SECONDS=600 SOAK_CLIENTS=1000)
	prove -I tests/lib --timer -v tests/soak/run :: $(or $(SOAK_SECONDS),600) $(or $(SOAK_CLIENTS),1000) $(SOAK_SEED)

check-drivers: deps deps-drivers all ## programs of many drivers and ORMs, directly and through tanist (DRIVERS="jdbc php")
	prove -I tests/lib --timer tests/drivers/run $(if $(DRIVERS),:: $(DRIVERS))

asan: ## unit tests and a short end-to-end run under address and undefined sanitizers
	$(MAKE) $(JOBS) SAN=address all build-tests
	$(MAKE) SAN=address unit sim SEEDS=1..100
	$(MAKE) SAN=address e2e TESTS="$(TESTS_SAN)"

tsan: ## the same under the thread sanitizer
	$(MAKE) $(JOBS) SAN=thread all build-tests
	$(MAKE) SAN=thread unit sim SEEDS=1..20
	$(MAKE) SAN=thread e2e TESTS="$(TESTS_SAN)"

memcheck: all ## the short end-to-end run under valgrind
	TANIST_WRAPPER="valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=99" \
	$(MAKE) e2e TESTS="$(TESTS_SAN)"

# The short end-to-end test of the sanitizer runs: start-up, sessions, load, a switchover, a failover, malformed input.
TESTS_SAN ?= $(wildcard tests/t/000_build.t tests/t/002_smoke.t tests/t/100_wire.t)

fuzz: ## run each fuzz target for T seconds from its corpus
	$(MAKE) $(JOBS) SAN=fuzz fuzz-build
	$(MAKE) SAN=fuzz fuzz-run

fuzz-build: $(FUZZ_BIN)

fuzz-run: $(FUZZ_BIN)
	@for f in $(FUZZ_BIN); do n=$${f##*/fuzz_}; mkdir -p $(B)/corpus/$$n $(B)/crash; \
	  echo "== $$n"; $$f -max_total_time=$(T) -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
	  -artifact_prefix=$(B)/crash/$$n- $(B)/corpus/$$n $$(ls -d tests/fuzz/corpus/$$n 2>/dev/null) \
	  >$(B)/fuzz-$$n.log 2>&1 || { tail -40 $(B)/fuzz-$$n.log; exit 1; }; \
	  grep -E 'number_of_executed_units' $(B)/fuzz-$$n.log; done

# Regression of the seed corpora only, without new input: fast enough for CI.
fuzz-seeds:
	$(MAKE) $(JOBS) SAN=fuzz fuzz-build
	$(MAKE) SAN=fuzz fuzz-seeds-run

fuzz-seeds-run: $(FUZZ_BIN)
	@for f in $(FUZZ_BIN); do n=$${f##*/fuzz_}; echo "== $$n"; $$f -runs=0 tests/fuzz/corpus/$$n 2>&1 | tail -1; \
	  test $${PIPESTATUS[0]} = 0 || exit 1; done

cov: ## branch coverage of the pure folders by the unit tests (gcov)
	$(MAKE) SAN=cov CC=gcc unit
	@for f in $(PURE_SRC); do gcov -b -n -o $(B)-cov/$$f $(B)-cov/$${f%.c}.o 2>/dev/null | \
	  awk -v f=$$f '/^File/ {on = index($$0, f)} /^$$/ {on = 0} on && /^(Lines|Branches) executed/ {printf "%s ", $$0} END {print f}'; done

# PostgreSQL's suites are fetched at test time and kept outside the tree. About four minutes on two idle cores.
REGRESS_CACHE ?= $(or $(XDG_CACHE_HOME),/var/tmp)/tanist-regress-$(shell id -un)
REGRESS_ARGS ?=

check-regress: all ## PostgreSQL's own regression and isolation suites through tanist (REGRESS_ARGS="--suite core", REGRESS_SERVER=installed)
	@dir=$$(tests/regress/fetch $(REGRESS_CACHE)) || exit 1; rc=0; \
	[ "$(REGRESS_SERVER)" = installed ] || export PG_CONFIG=$$dir/pg_config; \
	tests/regress/pipeline $$dir || rc=1; tests/regress/run $$dir $(REGRESS_ARGS) || rc=1; exit $$rc

# The long run takes 20 minutes and more: every statement of the regression suite, and a million made from them.
check-classify: $(B)/classify_oracle ## the classifier against PostgreSQL's grammar and catalog (ORACLE_ARGS="--mutants 1000 select")
	@dir=$$(tests/regress/fetch $(REGRESS_CACHE)) && tests/oracle/run $$dir $(or $(ORACLE_ARGS),--mutants 1000000)

$(B)/classify_oracle: $(B)/tests/oracle/classify_oracle.o $(B)/libpure.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -lpg_query -ljansson $(PKG_LIBS)

bench-failover: all ## how long writes stand still (RUNS=10 KINDS=kill,stop,switchover SYNC=off|quorum)
	BENCH_RUNS=$(RUNS) BENCH_KINDS=$(KINDS) BENCH_SYNC=$(SYNC) TANIST_TEST_MAX=7200 prove -I tests/lib --timer -v tests/bench/failover.pl

bench-classify: ## nanoseconds per statement of the classifier
	$(MAKE) $(B)/unit/bench_classify && $(B)/unit/bench_classify

$(B)/unit/bench_%: $(B)/tests/bench/bench_%.o $(B)/libpure.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

# ---- Lints -----------------------------------------------------------------------------------------------------

lint: lint-includes lint-headers lint-size lint-format lint-conf lint-tokens ## all lints

lint-includes: ## the dependency law of the folders
	@tests/tools/lint-includes

lint-headers: ## every header compiles alone
	@CC="$(CC)" CFLAGS="-std=c11 -D_GNU_SOURCE $(WARN) $(PKG_CFLAGS)" tests/tools/lint-headers $(HEADERS)

lint-size: ## limits of files and functions
	@tests/tools/lint-size $(C_FILES)

lint-format: ## clang-format 14
	@tests/tools/lint-format $(C_FILES)

lint-conf: $(if $(SHELL_SRC),$(B)/tanist) ## the committed sample file is the generated one
	@tests/tools/lint-conf $(B)/tanist

lint-tokens: ## every log event token is documented once
	@tests/tools/lint-tokens

format: ## apply clang-format
	clang-format -i $(C_FILES)

# ---- The rest --------------------------------------------------------------------------------------------------

MAN_SRC := $(wildcard doc/*.scd)

doc/tanist.conf.5.scd: doc/tanist.conf.5.head $(B)/tanist
	{ cat doc/tanist.conf.5.head; $(B)/tanist config man; } >$@.tmp && mv $@.tmp $@

conf/tanist.conf.sample: $(B)/tanist
	$(B)/tanist config sample >$@.tmp && mv $@.tmp $@

sample: ## write conf/tanist.conf.sample and the settings man page from the settings table
	rm -f conf/tanist.conf.sample doc/tanist.conf.5.scd
	$(MAKE) conf/tanist.conf.sample doc/tanist.conf.5.scd

# Man pages are installed if scdoc is there; it is not worth a dependency of the build.
install: all ## install under DESTDIR and PREFIX
	install -D -m 755 $(B)/tanist $(DESTDIR)$(PREFIX)/bin/tanist
	install -D -m 644 conf/tanist.conf.sample $(DESTDIR)$(PREFIX)/share/doc/tanist/tanist.conf.sample
	install -D -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/tanist/README.md
	install -D -m 644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/tanist/LICENSE
	install -D -m 644 contrib/systemd/tanist.service $(DESTDIR)$(PREFIX)/lib/systemd/system/tanist.service
	if command -v scdoc >/dev/null; then for f in $(MAN_SRC); do n=$$(basename $$f .scd); \
	  d=$(DESTDIR)$(PREFIX)/share/man/man$${n##*.}; mkdir -p $$d && scdoc <$$f >$$d/$$n || exit 1; done; fi

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/tanist $(DESTDIR)$(PREFIX)/lib/systemd/system/tanist.service
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/tanist
	rm -f $(foreach m,$(notdir $(basename $(MAN_SRC))),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(m)))/$(m))

compdb: ## write compile_commands.json
	@$(MAKE) -Bn V=1 CC=$(CC) all $(UNIT_BIN) | tests/tools/compdb >compile_commands.json

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' Makefile

clean: ## remove build output
	rm -rf build build-* tmp_check

.PHONY: all deps deps-drivers deps-demo demo demo-kill demo-stop check check-consistency check-regress check-classify build-tests unit sim e2e soak check-drivers asan tsan memcheck fuzz fuzz-build fuzz-run fuzz-seeds \
	fuzz-seeds-run cov bench-classify bench-failover lint lint-includes lint-headers lint-size lint-format lint-conf lint-tokens \
	format sample install uninstall compdb help clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
