# tanist: make help lists the targets. Variables: CC (gcc, clang), WERROR=1, SAN=address|thread, B (build folder).
SHELL := /bin/bash
.DEFAULT_GOAL := all

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
B ?= build$(if $(SAN),-$(SAN))
PREFIX ?= /usr/local

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

CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(CFLAGS) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) $(SANFLAGS) $(PKG_CFLAGS) -pthread
ALL_LDFLAGS := $(LDFLAGS) $(if $(SAN),,$(LDHARDEN)) $(SANFLAGS) -pthread

PURE_SRC := $(wildcard replication/base/*.c replication/core/*.c proxy/wire/*.c proxy/core/*.c)
SHELL_SRC := $(wildcard replication/*.c proxy/*.c proxy/admin/*.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
SIM_SRC := $(wildcard tests/sim/*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%.t,$(UNIT_SRC))

all: $(B)/tanist ## build the binary

$(B)/tanist: $(call obj,$(SHELL_SRC)) $(B)/libpure.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libpure.a: $(call obj,$(PURE_SRC))
	rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/unit/%.t: $(B)/tests/unit/%.o $(B)/libpure.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(PKG_LIBS)

unit: $(UNIT_BIN) ## build and run the unit tests
	CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' $(UNIT_BIN)

$(B)/sim: $(call obj,$(SIM_SRC)) $(B)/libpure.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

clean: ## remove build output
	rm -rf build build-address build-thread

.PHONY: all unit clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
