"""System packages: ``name | section | upstream version | bill of files | dependencies``.

A bill lists kinds of :mod:`samplehub.content.shapes` with their number.
"""

from __future__ import annotations

PACKAGES = """
base-files      | admin   | 12.4    | copyright conf:2 data:2 |
libc6           | libs    | 2.36    | lib:14 plugin:12 copyright changes charset:8 conf:3 |
libgcc-s1       | libs    | 12.2.0  | lib copyright | libc6
libstdc++6      | libs    | 12.2.0  | lib:2 copyright | libc6
bash            | shells  | 5.2.15  | main script:2 man:2 copyright changes conf locale:9 | libc6
dash            | shells  | 0.5.12  | main man copyright changes | libc6
coreutils       | utils   | 9.1     | bin:26 man:12 copyright changes locale:8 | libc6
util-linux      | utils   | 2.38.1  | bin:12 sbin:9 man:10 copyright changes conf:2 | libc6
findutils       | utils   | 4.9.0   | bin:2 man:2 copyright locale:4 | libc6
grep            | utils   | 3.8     | main script:2 man:2 copyright locale:4 | libc6
sed             | utils   | 4.9     | main man copyright locale:4 | libc6
gawk            | interpreters | 5.2.1 | main plugin:4 man copyright data:3 | libc6
tar             | utils   | 1.34    | main sbin man:2 copyright locale:5 | libc6
gzip            | utils   | 1.12    | main script:8 man:6 copyright changes info | libc6
xz-utils        | utils   | 5.4.1   | main script:4 man:4 copyright | libc6
dpkg            | admin   | 1.21.22 | main bin:6 sbin:2 perl:5 man:8 copyright locale:12 conf:2 | libc6 tar
apt             | admin   | 2.6.1   | main bin:5 lib:2 plugin:8 man:6 copyright conf:4 locale:8 | libc6 libstdc++6
perl-base       | perl    | 5.36.0  | main perl:28 lib copyright | libc6
passwd          | admin   | 4.13    | bin:5 sbin:7 man:8 copyright conf:2 locale:6 | libc6 libpam0g
login           | admin   | 4.13    | bin:3 man:4 copyright | libpam0g
libpam0g        | libs    | 1.5.2   | lib:3 plugin:14 conf:5 copyright | libc6
libssl3         | libs    | 3.0.11  | lib:2 plugin:3 copyright changes | libc6
zlib1g          | libs    | 1.2.13  | lib copyright changes | libc6
libpcre3        | libs    | 8.39    | lib:2 copyright | libc6
libxml2         | libs    | 2.9.14  | lib copyright example:2 xmlfile:3 | libc6 zlib1g
libjpeg62       | libs    | 2.1.5   | lib copyright | libc6
libpng16        | libs    | 1.6.39  | lib copyright example | zlib1g
libsqlite3-0    | libs    | 3.40.1  | lib copyright changes | libc6
libevent        | libs    | 2.1.12  | lib:4 copyright | libc6
libcurl4        | libs    | 7.88.1  | lib copyright changes | libssl3
libyaml         | libs    | 0.2.5   | lib copyright | libc6
libicu72        | libs    | 72.1    | lib:5 copyright | libstdc++6
ncurses-base    | misc    | 6.4     | terminfo:22 copyright conf |
debconf         | admin   | 1.5.82  | script:4 perl:12 man:4 copyright | perl-base
adduser         | admin   | 3.134   | script:3 perl:2 conf:2 man:3 locale:6 | passwd
tzdata          | localization | 2023c | zone:32 copyright changes |
ca-certificates | misc    | 20230311 | cert:40 script conf copyright | libssl3
curl            | web     | 7.88.1  | main man copyright changes | libcurl4
wget            | web     | 1.21.3  | main man info conf locale:7 copyright | libssl3
gnupg           | utils   | 2.2.40  | main bin:8 man:6 docpage:2 copyright locale:6 | libc6
git             | vcs     | 2.39.2  | main bin:9 script:10 perl:6 man:12 locale:6 copyright changes | libcurl4
openssh-client  | net     | 9.2     | bin:6 man:7 conf:2 copyright | libssl3
vim             | editors | 9.0     | main vim:30 docpage:4 locale:6 man copyright | libc6
procps          | admin   | 4.0.2   | bin:9 sbin man:9 conf:3 copyright init | libc6
netbase         | admin   | 6.4     | conf:4 copyright |
make            | devel   | 4.3     | main man locale:4 copyright include | libc6
gcc             | devel   | 12.2.0  | main bin:6 plugin:5 include:22 o:4 man:4 copyright | libc6 libstdc++6
libc6-dev       | libdevel | 2.36   | include:46 static:6 copyright pkgconfig:2 | libc6
libssl-dev      | libdevel | 3.0.11 | include:30 static:2 pkgconfig:3 copyright | libssl3
python3         | python  | 3.11.2  | main lib stdpy:60 stdpyc:60 copyright man conf | libc6 zlib1g libssl3
perl            | perl    | 5.36.0  | bin:8 perl:44 man:10 copyright | perl-base
ruby            | ruby    | 3.1     | main bin:3 rubylib:48 man:3 copyright | libyaml libssl3
nginx           | httpd   | 1.25.3  | daemon plugin:4 conf:7 init man docpage:2 copyright maint | libpcre3 zlib1g libssl3
apache2         | httpd   | 2.4.57  | daemon bin:6 plugin:22 conf:12 init man:6 icon:14 docpage:6 copyright maint | libxml2
php             | php     | 8.2.7   | main daemon plugin:12 conf:6 man:3 copyright maint | libxml2 libsqlite3-0
redis           | database | 7.2.3  | daemon bin:4 conf:2 init copyright man:3 maint | libc6
postgresql      | database | 15.5   | daemon bin:14 lib:3 plugin:20 data:12 locale:10 conf:5 man:14 copyright maint | libicu72
mariadb         | database | 11.1.3 | daemon bin:12 plugin:8 data:14 conf:6 locale:4 man:12 copyright maint | libstdc++6
mongodb         | database | 7.0.4  | daemon bin:3 conf copyright maint | libcurl4
memcached       | web     | 1.6.22  | daemon conf init man copyright | libevent
haproxy         | net     | 2.8.3   | daemon conf:2 example:6 man copyright init | libpcre3
erlang-base     | interpreters | 25.2 | bin:7 plugin:16 data:18 copyright | libc6
openjdk         | java    | 17.0.9  | main bin:8 lib:9 data:6 conf:5 man:6 copyright | libstdc++6
imagemagick     | graphics | 6.9.11 | bin:7 lib:4 conf:5 man:7 icon:2 docpage:6 xmlfile:4 copyright | libjpeg62 libpng16
ffmpeg          | video   | 5.1.4   | main bin:2 lib:6 man:4 docpage:2 copyright | libc6
fonts-dejavu    | fonts   | 2.37    | font:7 conf:3 copyright changes |
supervisor      | admin   | 4.2.5   | script:2 conf:2 man copyright init | python3
cron            | admin   | 3.0     | daemon bin conf:3 init man:3 copyright maint | libpam0g
openssh-server  | net     | 9.2     | daemon conf:2 init man:3 copyright maint | libpam0g
nodejs          | web     | 20.9.0  | main include:26 man docpage:2 copyright | libstdc++6
tini            | utils   | 0.19.0  | main copyright |
musl            | libs    | 1.2.4   | lib:2 |
busybox         | utils   | 1.36.1  | rootbin conf |
alpine-baselayout | admin | 3.4.3   | conf:6 data |
apk-tools       | admin   | 2.14.0  | main lib conf | musl
ssl_client      | net     | 1.36.1  | bin | musl
scanelf         | utils   | 1.3.7   | bin | musl
su-exec         | admin   | 0.2     | main | musl
""".strip()  # noqa: E501 - rows of a table
