"""Repositories of users, in the notation of :mod:`samplehub.content.catalogue.official`; all names invented.

The sad ones come last: without ``latest``, deleted, private, and damaged in every way.
"""

from __future__ import annotations

IMAGES = """
brightloom/storefront
  FROM node-20-alpine
  WORKDIR /usr/src/app
  NPM express lodash async debug body-parser moment
  COPY express-app usr/src/app storefront
  COPY static-site usr/src/app/public storefront
  EXPOSE 3000
  CMD node lib/index.js
brightloom/checkout
  FROM node-20-alpine
  WORKDIR /usr/src/app
  NPM express lodash async debug body-parser moment
  COPY express-app usr/src/app checkout
  EXPOSE 3000
  CMD node lib/index.js
brightloom/worker
  FROM python-3.11-slim
  PIP celery redis kombu requests
  COPY flask-app app worker
  CMD celery worker
pinecrest/flask-api
  FROM python-3.11-slim
  PIP flask jinja2 werkzeug requests gunicorn
  COPY flask-app app flask-api
  EXPOSE 8000
  CMD gunicorn app:app
pinecrest/notebook
  FROM python-3.11
  PIP numpy pandas scipy matplotlib jupyter notebook ipython
  COPY dataset home/jovyan/work notebook
  CMD jupyter notebook
pinecrest/docs
  FROM nginx-1.25-alpine
  COPY docs usr/share/nginx/html pinecrest
tidewater/django-shop
  FROM python-3.11
  PIP django pillow psycopg2 requests gunicorn
  COPY django-app srv/shop django-shop
  CHMOD 0755 srv/shop
  CMD gunicorn shop.wsgi
tidewater/reports
  FROM python-3.11-slim
  PIP pandas numpy requests reportlab
  COPY flask-app app reports
  COPY dumps app/reports reports
hexagonlabs/go-proxy
  COPY binary / go-proxy
  EXPOSE 8080
  ENTRYPOINT /go-proxy
hexagonlabs/go-metrics
  FROM alpine-3.18
  INSTALL ca-certificates
  COPY binary usr/bin go-metrics
  ENTRYPOINT /usr/bin/go-metrics
hexagonlabs/builder
  FROM golang-1.21
  COPY go-source go/src/builder builder
  COPY binary go/bin builder
k9kernel/buildroot
  FROM debian-build
  COPY c-source src/buildroot buildroot
  COPY cpp-source src/tools buildroot-tools
  REMOVE src/buildroot/build usr/share/doc/gcc
k9kernel/crosstool
  FROM ubuntu-22.04
  INSTALL gcc libc6-dev make git
  COPY cpp-source opt/crosstool crosstool
oldharbor/lamp
  FROM debian-8
  INSTALL apache2 php mariadb supervisor
  COPY php-app var/www lamp
  EXPOSE 80
  CMD supervisord
oldharbor/mediawiki
  FROM debian-8
  INSTALL apache2 php imagemagick
  COPY php-app var/www/wiki mediawiki
  VOLUME /var/www/wiki/images
oldharbor/sshd
  FROM debian-8
  INSTALL openssh-server
  EXPOSE 22
  CMD /usr/sbin/sshd -D
oldharbor/cron
  FROM alpine-3.6
  COPY scripts etc/periodic cron
  CMD crond -f
marlowe/blog
  FROM nginx-1.25
  REPLACE static-site usr/share/nginx/html blog
marlowe/gallery
  FROM nginx-1.25
  COPY static-site usr/share/nginx/html gallery
  COPY media usr/share/nginx/html/media gallery
marlowe/dotfiles
  FROM ubuntu-22.04
  INSTALL vim git curl
  COPY config root marlowe
  COPY notes root marlowe
quietriver/rails-forum
  FROM ruby-3.1
  GEM rails rack puma pg nokogiri
  COPY rails-app app rails-forum
  CMD puma
quietriver/sidekiq
  FROM ruby-3.1
  GEM rails rack redis sidekiq
  COPY rails-app app sidekiq
quietriver/spring-demo
  FROM openjdk-17
  MAVEN spring-core spring-web jackson logback
  COPY spring-app app spring-demo
  CMD java -jar app.jar
quietriver/kafka-tools
  FROM openjdk-17
  MAVEN kafka zookeeper jackson logback
  COPY scripts opt/kafka kafka-tools
fernwehlab/geodata
  FROM busybox-1.36
  COPY dataset data geodata
  VOLUME /data
fernwehlab/backups
  FROM busybox-1.36
  COPY dumps backup fernweh
  COPY logs backup fernweh
fernwehlab/imaging
  FROM ubuntu-22.04
  INSTALL imagemagick ffmpeg fonts-dejavu
  COPY media srv/samples imaging
zstdfan/fast-start
  SYSTEM alpine:3.18 !zstd
  INSTALL curl libcurl4 !zstd
  COPY binary usr/bin fast-start !zstd
  CMD fast-start
zstdfan/uncompressed
  FROM busybox-1.36
  COPY flask-app app uncompressed !plain
  COPY notes app/doc uncompressed !mislabelled
zstdfan/many-members
  FROM alpine-3.18
  COPY c-source src many-members !members
acme-robotics/firmware
  FROM debian-11
  INSTALL gcc make
  COPY c-source firmware firmware
  COPY dataset firmware/traces firmware
acme-robotics/toolchain
  FROM alpine-3.18
  INSTALL make
  COPY cpp-source src toolchain
piworks/sensor-hub
  FROM alpine-3.18
  PIP paho-mqtt smbus
  COPY flask-app app sensor-hub
noisyneighbor/test1
  FROM busybox-1.36
  COPY entrypoint / test1
noisyneighbor/test2
  FROM busybox-1.36
  COPY entrypoint / test2
dkrstudent42/docker-whale
  FROM ubuntu-22.04
  INSTALL curl
  COPY notes usr/share/whale docker-whale
  CMD /bin/sh -c fortune | cowsay
dkrstudent42/hello
  FROM hello-world
  COPY notes / student
c3po/empty-steps
  FROM debian-11
  EMPTY by an old engine
  EMPTY by an old engine
  COPY scripts opt c3po
oddities/names
  ODD names
  CMD ls
oddities/names-gnu
  ODD names
  ODD nodes
oddities/links
  FROM busybox-1.36
  ODD links
  ODD nodes
oddities/whiteouts
  FROM busybox-1.36
  ODD names
  ODD links
  ODD nodes
  ODD markers
oddities/attributes
  FROM busybox-1.36
  ODD attributes
  ODD repeated
oddities/zeros
  ODD zeros
private/app
  FROM alpine-3.18
  COPY flask-app app secret-sauce
damaged/corrupt
  FROM busybox-1.36
  COPY docs srv corrupt !corrupt
damaged/truncated
  FROM busybox-1.36
  COPY docs srv truncated !truncated
damaged/cut
  FROM busybox-1.36
  COPY docs srv cut !cut
damaged/cut-zstd
  FROM busybox-1.36
  COPY docs srv cut-zstd !zstd-cut
  COPY docs srv cut-tar !tar-cut
damaged/crc
  FROM busybox-1.36
  COPY docs srv crc !bad-crc
damaged/not-tar
  FROM busybox-1.36
  COPY docs srv not-tar !not-tar
"""

REPOSITORIES = """
brightloom/storefront | public | latest,2.4.1,2.4.0=docker:brightloom/storefront | Storefront of the Brightloom shop
brightloom/checkout | public | latest=docker:brightloom/checkout |
brightloom/worker | public | latest,stable=oci:brightloom/worker | Background jobs (celery) <beta> & friends
pinecrest/flask-api | public | latest,v1=docker:pinecrest/flask-api | A small flask API behind gunicorn
pinecrest/notebook | public | latest,2023-11=attested:pinecrest/notebook | Jupyter notebook with pandas, numpy and scipy
pinecrest/docs | public | latest=docker:pinecrest/docs | Documentation, served by nginx
tidewater/django-shop | public | latest=docker:tidewater/django-shop | django shop – Überblick siehe README
tidewater/reports | public | latest,nightly=docker:tidewater/reports |
hexagonlabs/go-proxy | automated | latest,v0.9=docker:hexagonlabs/go-proxy | Reverse proxy in one static binary
hexagonlabs/go-metrics | automated | latest=oci:hexagonlabs/go-metrics | Metrics exporter for consul and redis
hexagonlabs/builder | public | latest=docker:hexagonlabs/builder | golang build image
k9kernel/buildroot | automated | latest=docker:k9kernel/buildroot | Debian with everything to build a kernel
k9kernel/crosstool | public | latest,arm=docker:k9kernel/crosstool |
oldharbor/lamp | automated | latest=schema1:oldharbor/lamp | Linux, Apache, MySQL and PHP in one container
oldharbor/mediawiki | automated | latest=schema1:oldharbor/mediawiki | mediawiki on debian jessie
oldharbor/sshd | public | latest,0.1=schema1:oldharbor/sshd | Dockerized SSH service
oldharbor/cron | public | latest=schema1:oldharbor/cron |
marlowe/blog | automated | latest=docker:marlowe/blog | My blog
marlowe/gallery | public | latest=docker:marlowe/gallery | Photos, served by nginx
marlowe/dotfiles | automated | latest=docker:marlowe/dotfiles | vim, git and my dotfiles on ubuntu
quietriver/rails-forum | public | latest,1.2=docker:quietriver/rails-forum | Forum in ruby on rails
quietriver/sidekiq | public | latest=docker:quietriver/sidekiq |
quietriver/spring-demo | public | latest,0.0.1-SNAPSHOT=docker:quietriver/spring-demo | Demo project for Spring Boot
quietriver/kafka-tools | automated | latest=oci:quietriver/kafka-tools | kafka command line tools
fernwehlab/geodata | public | latest,2023=docker:fernwehlab/geodata | Maps as a data volume
fernwehlab/backups | public | latest=docker:fernwehlab/backups |
fernwehlab/imaging | public | latest=docker:fernwehlab/imaging | imagemagick and ffmpeg
zstdfan/fast-start | public | latest=oci:zstdfan/fast-start | Layers compressed with zstd
zstdfan/uncompressed | public | latest=oci:zstdfan/uncompressed | Layers not compressed at all
zstdfan/many-members | public | latest=docker:zstdfan/many-members | gzip in several members
acme-robotics/firmware | public | latest=docker:acme-robotics/firmware |
acme-robotics/toolchain | public | latest=nested:acme-robotics/toolchain+acme-robotics/toolchain@arm64 edge=sparse:acme-robotics/toolchain | An index within an index
piworks/sensor-hub | public | latest=index:piworks/sensor-hub@arm+piworks/sensor-hub@arm64 | For the Raspberry Pi only
noisyneighbor/test1 | public | latest=docker:noisyneighbor/test1 |
noisyneighbor/test2 | public | latest=docker:noisyneighbor/test2 |
dkrstudent42/docker-whale | public | latest=docker:dkrstudent42/docker-whale |
dkrstudent42/hello | public | latest=docker:dkrstudent42/hello | test
c3po/empty-steps | automated | latest=docker:c3po/empty-steps | Converted from schema 1
chartyard/nginx-chart | public | latest,0.3.1=chart:scratch | A Helm chart, not an image
oddities/names | public | latest=docker:oddities/names gnu=gnu:oddities/names-gnu | Long names, and names that are not UTF-8
oddities/links | public | latest=docker:oddities/links | Hard links, symbolic links, devices
oddities/whiteouts | public | latest=oci:oddities/whiteouts | Whiteouts and opaque directories
oddities/attributes | public | latest=oci:oddities/attributes | Extended attributes and repeated paths
oddities/zeros | public | latest=docker:oddities/zeros | Mostly zeros
gilliam-like/scheduler-_worker | unusable | | A name from before there was a grammar
fernwehlab/releases | public | 1.0,1.1,2.0-rc1=docker:fernwehlab/geodata | There is no latest here
marlowe/placeholder | public | | Nothing was ever pushed
brightloom/legacy | deleted | | Deleted after it was indexed
dkrstudent42/homework | deleted | |
private/app | private | latest=docker:private/app | Login required
damaged/corrupt | public | latest=docker:damaged/corrupt | One flipped bit
damaged/truncated | public | latest=docker:damaged/truncated | Never arrives completely
damaged/cut | public | latest=docker:damaged/cut | gzip cut half way
damaged/cut-zstd | public | latest=oci:damaged/cut-zstd | zstd and tar cut half way
damaged/crc | public | latest=docker:damaged/crc | Wrong check sum in gzip
damaged/not-tar | public | latest=docker:damaged/not-tar | Prose instead of a tar
"""  # noqa: E501, RUF001 - rows of a table
