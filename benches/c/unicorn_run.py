"""Runs a static i386 program in unicorn, and prints its output and how many seconds it took.

It has no kernel: the program may write to its standard output and exit.
"""

import struct
import sys
import time

from unicorn import UC_ARCH_X86, UC_HOOK_INTR, UC_MODE_32, Uc
from unicorn.x86_const import (
    UC_X86_REG_EAX,
    UC_X86_REG_EBX,
    UC_X86_REG_ECX,
    UC_X86_REG_EDX,
    UC_X86_REG_ESP,
)

PAGE = 0x1000
STACK = 0xBFF00000
STACK_SIZE = 0x100000
EXIT, WRITE = 1, 4


def load(uc, elf):
    """Maps the segments; returns the address of the first instruction."""
    entry, headers = struct.unpack_from("<II", elf, 24)
    size, count = struct.unpack_from("<HH", elf, 42)
    segments = [struct.unpack_from("<8I", elf, headers + k * size) for k in range(count)]
    loaded = [segment for segment in segments if segment[0] == 1]
    pages = set()
    for _, _, at, _, _, in_memory, _, _ in loaded:
        pages.update(range(at // PAGE, (at + in_memory - 1) // PAGE + 1))
    for page in sorted(pages):
        uc.mem_map(page * PAGE, PAGE)
    for _, offset, at, _, in_file, _, _, _ in loaded:
        uc.mem_write(at, elf[offset : offset + in_file])
    return entry


def interrupt(uc, number, output):
    """Carries a call out."""
    call, a, b, c = (
        uc.reg_read(register)
        for register in (UC_X86_REG_EAX, UC_X86_REG_EBX, UC_X86_REG_ECX, UC_X86_REG_EDX)
    )
    if number != 0x80 or call not in (EXIT, WRITE):
        sys.exit(f"interrupt {number:#x}, call {call}")
    if call == EXIT:
        uc.emu_stop()
        return
    output.append(bytes(uc.mem_read(b, c)))
    uc.reg_write(UC_X86_REG_EAX, c)


def main():
    """Runs the program that the first argument names."""
    with open(sys.argv[1], "rb") as file:
        elf = file.read()
    uc = Uc(UC_ARCH_X86, UC_MODE_32)
    entry = load(uc, elf)
    uc.mem_map(STACK, STACK_SIZE)
    esp = STACK + STACK_SIZE - 64
    uc.mem_write(esp, struct.pack("<I", 1))
    uc.reg_write(UC_X86_REG_ESP, esp)
    output = []
    uc.hook_add(UC_HOOK_INTR, interrupt, output)
    start = time.perf_counter()
    uc.emu_start(entry, 0)
    seconds = time.perf_counter() - start
    sys.stdout.write(b"".join(output).decode())
    sys.stdout.write(f"{seconds}\n")


main()
