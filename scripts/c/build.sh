#!/bin/sh
# Rebuilds the programs of this folder, which stand beside their sources so that the tests need no
# compiler. Any compiler that makes static programs for i386 will do: CC="gcc -m32" sh build.sh
cd "$(dirname "$0")" || exit 1
: "${CC:=python3 -m ziglang cc -target x86-linux-musl -mcpu=i686 -fno-sanitize=undefined}"
for source in *.c; do
    case $source in
        # With debug information, and small all the same: they need no C library.
        list.c | cow_frames.c) options="-O0 -g -nostdlib -ffreestanding -fno-stack-protector -Wl,-e,main" ;;
        *) options="-Os -s ../../src/front/stdio.c" ;;
    esac
    $CC -static -w -ffile-prefix-map="$PWD"=. -o "${source%.c}" "$source" $options || exit 1
done
