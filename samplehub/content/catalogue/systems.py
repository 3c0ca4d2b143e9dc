"""Base systems: what the first layer of a distribution's image holds."""

from __future__ import annotations

# name:version | package manager | codename | name for people | packages
SYSTEMS = """
debian:12 | dpkg | bookworm | Debian GNU/Linux 12 (bookworm) | base-files libc6 libgcc-s1 libstdc++6 bash dash coreutils util-linux findutils grep sed gawk tar gzip dpkg apt perl-base passwd login libpam0g libssl3 zlib1g ncurses-base debconf adduser tzdata
debian:11 | dpkg | bullseye | Debian GNU/Linux 11 (bullseye) | base-files libc6 libgcc-s1 libstdc++6 bash dash coreutils util-linux findutils grep sed tar gzip dpkg apt perl-base passwd login libpam0g zlib1g ncurses-base debconf adduser tzdata
debian:8 | dpkg | jessie | Debian GNU/Linux 8 (jessie) | base-files libc6 bash coreutils util-linux grep sed tar gzip dpkg apt perl-base passwd login libpam0g zlib1g ncurses-base debconf tzdata
ubuntu:22.04 | dpkg | jammy | Ubuntu 22.04.3 LTS | base-files libc6 libgcc-s1 libstdc++6 bash dash coreutils util-linux findutils grep sed gawk tar gzip dpkg apt perl-base passwd login libpam0g libssl3 zlib1g ncurses-base debconf adduser procps gnupg
alpine:3.18 | apk | v3.18 | Alpine Linux v3.18 | alpine-baselayout musl busybox apk-tools libssl3 zlib1g ssl_client scanelf ca-certificates
alpine:3.6 | apk | v3.6 | Alpine Linux v3.6 | alpine-baselayout musl busybox apk-tools zlib1g scanelf
fedora:39 | rpm | 39 | Fedora Linux 39 (Container Image) | base-files libc6 libgcc-s1 libstdc++6 bash coreutils util-linux findutils grep sed gawk tar gzip libssl3 zlib1g ncurses-base libxml2 libcurl4 curl gnupg python3 tzdata
busybox:1.36 | none | 1.36 | BusyBox 1.36 | busybox
""".strip()  # noqa: E501 - rows of a table

# Applets that BusyBox answers for: hard links in its own image, symbolic links in Alpine's.
APPLETS = """
arch ash awk base64 basename cat chgrp chmod chown chroot cmp cp cut date dd df dirname dmesg du echo env
expr false find fold free grep gunzip gzip head hostname id ifconfig install ip kill killall less ln
login ls md5sum mkdir mkfifo mknod mktemp more mount mv nc netstat nice nohup nslookup od passwd paste
pgrep ping printf ps pwd readlink realpath rm rmdir route sed seq sh sha256sum sleep sort split stat stty
su sync tail tar tee telnet test time timeout top touch tr true tty umount uname uniq unzip uptime vi
watch wc wget which who whoami xargs yes zcat
"""
