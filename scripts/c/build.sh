#!/bin/sh
# Rebuilds the programs of this folder, which stand beside their sources so that the tests need no
# compiler. Any compiler that makes static programs for i386 will do: CC="gcc -m32" sh build.sh
cd "$(dirname "$0")" || exit 1
: "${CC:=python3 -m ziglang cc -target x86-linux-musl -mcpu=i686 -fno-sanitize=undefined}"
for source in *.c; do
    $CC -static -Os -s -w -o "${source%.c}" "$source" ../../src/front/stdio.c || exit 1
done
