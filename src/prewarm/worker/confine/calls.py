"""Numbers of the kernel's calls, by architecture. Changes with the calls that are refused.

From ``asm/unistd_64.h`` (x86-64) and ``asm-generic/unistd.h`` (aarch64) of Linux; calls from 424 on have one number
everywhere. The second column is compared with Debian's headers for arm64, and was never run.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_NUMBERS = """
accept 43 202           accept4 288 242         acct 163 89             add_key 248 217         adjtimex 159 171
bind 49 200             bpf 321 280             chmod 90 -              chown 92 -              chroot 161 51
clock_adjtime 305 266   clock_settime 227 112   clone 56 220            connect 42 203          delete_module 176 106
execve 59 221           execveat 322 281        fanotify_init 300 262   fchmod 91 52            fchmodat 268 53
fchown 93 55            fchownat 260 54         finit_module 313 273    fork 57 -               fremovexattr 199 16
fsetxattr 190 7         futimesat 261 -         init_module 175 105     ioctl 16 29             ioperm 173 -
iopl 172 -              ioprio_set 251 30       kcmp 312 272            kexec_file_load 320 294 kexec_load 246 104
keyctl 250 219          kill 62 129             lchown 94 -             listen 50 201           lremovexattr 198 15
lsetxattr 189 6         memfd_create 319 279    mknod 133 -             mknodat 259 33          mmap 9 222
mount 165 40            mq_open 240 180         msgget 68 186           open_by_handle_at 304 265
perf_event_open 298 241 personality 135 92      pivot_root 155 41       prctl 157 167           prlimit64 302 261
process_vm_readv 310 270 process_vm_writev 311 271 ptrace 101 117       quotactl 179 60         reboot 169 142
removexattr 197 14      request_key 249 218     rt_sigqueueinfo 129 138 rt_tgsigqueueinfo 297 240
semget 64 190         sendmmsg 307 269        sendmsg 46 211          sendto 44 206
setdomainname 171 162   sethostname 170 161     setns 308 268           setpgid 109 154         setpriority 141 140
setsid 112 157          settimeofday 164 170    setxattr 188 5          shmat 30 196            shmctl 31 195
shmget 29 194           socket 41 198           socketpair 53 199       swapoff 168 225         swapon 167 224
syslog 103 116          tgkill 234 131          tkill 200 130           umount2 166 39          unshare 272 97
userfaultfd 323 282     utime 132 -             utimensat 280 88        utimes 235 -            vfork 58 -
clone3 435 435          fchmodat2 452 452       fsconfig 431 431        fsmount 432 432         fsopen 430 430
fspick 433 433          io_uring_enter 426 426  io_uring_register 427 427 io_uring_setup 425 425
memfd_secret 447 447    mount_setattr 442 442   move_mount 429 429      open_tree 428 428       pidfd_getfd 438 438
pidfd_open 434 434      pidfd_send_signal 424 424 process_madvise 440 440 process_mrelease 448 448
quotactl_fd 443 443     removexattrat 466 466   setxattrat 463 463      open_tree_attr 467 467  file_setattr 469 469
"""
X86_64, AARCH64 = "x86_64", "aarch64"
_COLUMNS = {X86_64: 0, AARCH64: 1}
_AUDIT = {X86_64: 0xC000003E, AARCH64: 0xC00000B7}


@dataclass(frozen=True, kw_only=True, slots=True)
class Calls:
    """The calls of one architecture."""

    machine: str
    audit: int
    """As a filter is told (``AUDIT_ARCH_…``)."""
    numbers: Mapping[str, int]
    """By name; what an architecture does not have is not here."""


def of_machine(machine: str = "") -> Calls | None:
    """The calls of an architecture, this machine's by default; None where they are not known."""
    name = machine or platform.machine()
    if name not in _COLUMNS or (not machine and (sys.platform != "linux" or sys.maxsize < 1 << 32)):
        return None
    words = _NUMBERS.split()
    rows = (words[at : at + 3] for at in range(0, len(words), 3))
    numbers = {row[0]: int(row[1 + _COLUMNS[name]]) for row in rows if row[1 + _COLUMNS[name]] != "-"}
    return Calls(machine=name, audit=_AUDIT[name], numbers=numbers)
