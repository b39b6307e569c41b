# Compiles BPF objects (CO-RE: one object for every kernel from 5.10 with BTF). The including Makefile sets OBJECTS.
CLANG ?= clang
STRIP ?= llvm-strip
MACHINE := $(shell uname -m)
ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(MACHINE)))
# -mcpu=v2: what the verifier and the JIT of 5.10 know. -g makes the BTF, which outlives the stripping of DWARF.
CFLAGS := -O2 -g -target bpf -mcpu=v2 -D__TARGET_ARCH_$(ARCH) -I/usr/include/$(MACHINE)-linux-gnu \
	-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations -Wno-sign-compare

all: $(OBJECTS)

%.bpf.o: %.bpf.c $(wildcard *.h)
	$(CLANG) $(CFLAGS) -c $< -o $@
	$(STRIP) -g $@

clean:
	rm -f $(OBJECTS)

.PHONY: all clean
