# SPDX-License-Identifier: LGPL-2.1-or-later
# A 32-bit program that opens the file that its first word names. Exit status 0: it could.
.globl _start
.text
_start:
        mov $5, %eax            # open
        mov 8(%esp), %ebx
        xor %ecx, %ecx
        xor %edx, %edx
        int $0x80
        test %eax, %eax
        js failed
        xor %ebx, %ebx
        jmp leave
failed:
        mov $1, %ebx
leave:
        mov $1, %eax            # exit
        int $0x80
