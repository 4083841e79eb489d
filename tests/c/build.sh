#!/bin/sh
# Rebuilds conform, which stands beside its sources so that the tests need no compiler. Any compiler
# that makes static programs for i386 will do: CC="gcc -m32" OUT=/tmp/conform sh build.sh
cd "$(dirname "$0")" || exit 1
: "${CC:=python3 -m ziglang cc -target x86-linux-musl -mcpu=i686 -fno-sanitize=undefined}"
: "${OUT:=conform}"
SMALL="-Os -s -fno-asynchronous-unwind-tables -fno-unwind-tables"
exec $CC -static $SMALL -w -o "$OUT" ./*.c
