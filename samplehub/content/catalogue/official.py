"""Official repositories and their images.

``IMAGES``: a name, then its steps (:mod:`samplehub.content.steps`), indented.
``REPOSITORIES``: ``name | access | tags | description``, most pulled first. Tags are
``tag,tag=kind:image`` (:mod:`samplehub.content.pushes`); an image may carry a machine: ``debian-12@arm64``.
"""

from __future__ import annotations

IMAGES = """
scratch
debian-12
  SYSTEM debian:12
  CMD bash
debian-11
  SYSTEM debian:11
  CMD bash
debian-8
  SYSTEM debian:8
  CMD /bin/bash
ubuntu-22.04
  SYSTEM ubuntu:22.04
  LABEL org.opencontainers.image.version=22.04
  CMD /bin/bash
alpine-3.18
  SYSTEM alpine:3.18
  CMD /bin/sh
alpine-3.6
  SYSTEM alpine:3.6
  CMD /bin/sh
fedora-39
  SYSTEM fedora:39
  ENV DISTTAG=f39container
  CMD /bin/bash
busybox-1.36
  SYSTEM busybox:1.36
  CMD sh
hello-world
  COPY binary / hello
  CMD /hello
debian-curl
  FROM debian-12
  INSTALL ca-certificates curl netbase libcurl4 wget
debian-scm
  FROM debian-curl
  INSTALL git openssh-client procps
debian-build
  FROM debian-scm
  INSTALL gcc libc6-dev make libssl-dev libpng16 libjpeg62 libxml2
nginx-1.25
  FROM debian-12
  LABEL maintainer=NGINX Docker Maintainers
  ENV NGINX_VERSION=1.25.3
  INSTALL nginx libpcre3 ca-certificates
  COPY entrypoint / nginx
  COPY small-site usr/share/nginx/html nginx
  ENTRYPOINT /docker-entrypoint.sh
  EXPOSE 80/tcp
  STOPSIGNAL SIGQUIT
  CMD nginx -g daemon_off;
nginx-1.25-alpine
  FROM alpine-3.18
  ENV NGINX_VERSION=1.25.3
  INSTALL nginx libpcre3
  COPY entrypoint / nginx
  EXPOSE 80/tcp
  CMD nginx -g daemon_off;
httpd-2.4
  FROM debian-12
  ENV HTTPD_PREFIX=/usr/local/apache2
  WORKDIR /usr/local/apache2
  INSTALL apache2 libxml2
  COPY scripts usr/local/bin httpd
  EXPOSE 80/tcp
  CMD httpd-foreground
redis-7
  FROM debian-12
  COPY entrypoint usr/local/bin redis-gosu
  INSTALL redis
  VOLUME /data
  WORKDIR /data
  COPY entrypoint usr/local/bin redis
  ENTRYPOINT docker-entrypoint.sh
  EXPOSE 6379/tcp
  CMD redis-server
postgres-15
  FROM debian-12
  ENV PG_MAJOR=15
  INSTALL postgresql libicu72 gnupg
  COPY scripts usr/local/bin postgres
  VOLUME /var/lib/postgresql/data
  EXPOSE 5432/tcp
  CMD postgres
mysql-8
  FROM debian-11
  INSTALL mariadb gnupg
  COPY scripts usr/local/bin mysql
  VOLUME /var/lib/mysql
  EXPOSE 3306/tcp
  CMD mysqld
mongo-7
  FROM ubuntu-22.04
  INSTALL libcurl4 mongodb
  COPY scripts usr/local/bin mongo
  VOLUME /data/db
  CMD mongod
memcached-1.6
  FROM debian-12
  INSTALL libevent memcached
  USER memcache
  CMD memcached
rabbitmq-3
  FROM ubuntu-22.04
  INSTALL erlang-base
  COPY scripts opt/rabbitmq rabbitmq
  COPY docs opt/rabbitmq/doc rabbitmq
  EXPOSE 5672/tcp
  CMD rabbitmq-server
node-20
  FROM debian-build
  ENV NODE_VERSION=20.9.0
  INSTALL nodejs
  NPM npm corepack yarn
  CMD node
node-20-alpine
  FROM alpine-3.18
  ENV NODE_VERSION=20.9.0
  INSTALL nodejs libstdc++6
  NPM npm corepack yarn
  CMD node
python-3.11
  FROM debian-build
  ENV PYTHON_VERSION=3.11.6
  INSTALL python3 libsqlite3-0
  PIP pip setuptools wheel
  CMD python3
python-3.11-slim
  FROM debian-12
  ENV PYTHON_VERSION=3.11.6
  INSTALL ca-certificates netbase python3
  PIP pip setuptools wheel
  CMD python3
ruby-3.1
  FROM debian-build
  INSTALL ruby libyaml
  GEM bundler rake
  CMD irb
php-8.2
  FROM debian-curl
  INSTALL php libxml2 libsqlite3-0
  COPY scripts usr/local/bin php
  CMD php -a
php-8.2-apache
  FROM php-8.2
  INSTALL apache2
  EXPOSE 80/tcp
  CMD apache2-foreground
golang-1.21
  FROM debian-scm
  INSTALL gcc libc6-dev make
  COPY go-source usr/local/go/src/runtime go-runtime
  COPY go-source usr/local/go/src/net go-net
  COPY binary usr/local/go/bin go
  ENV GOPATH=/go
  WORKDIR /go
golang-windows
  OS windows
  FOREIGN https://go.microsoft.invalid/nanoserver-1809.tar.gz
  COPY windows-tools Files/go golang
  CMD cmd.exe
openjdk-17
  FROM debian-curl
  ENV JAVA_HOME=/usr/lib/jvm
  INSTALL openjdk
  CMD jshell
tomcat-10
  FROM openjdk-17
  ENV CATALINA_HOME=/usr/local/tomcat
  COPY spring-app usr/local/tomcat tomcat
  COPY small-site usr/local/tomcat/webapps/ROOT tomcat
  EXPOSE 8080/tcp
  CMD catalina.sh run
wordpress-6
  FROM php-8.2-apache
  INSTALL imagemagick
  COPY php-app var/www/html wordpress
  CHMOD 0664 var/www/html
  VOLUME /var/www/html
ghost-5
  FROM node-20-alpine
  NPM ghost knex handlebars
  COPY express-app var/lib/ghost ghost
  VOLUME /var/lib/ghost/content
  CMD node current/index.js
haproxy-2.8
  FROM debian-12
  INSTALL haproxy
  COPY entrypoint usr/local/bin haproxy
  CMD haproxy -f /usr/local/etc/haproxy.cfg
traefik-3
  FROM alpine-3.18
  INSTALL ca-certificates tzdata
  COPY binary usr/local/bin traefik
  ENTRYPOINT /entrypoint.sh
consul-1.15
  FROM alpine-3.18
  INSTALL su-exec curl
  COPY binary bin consul
  COPY entrypoint usr/local/bin consul
  VOLUME /consul/data
registry-2
  FROM alpine-3.18
  INSTALL ca-certificates
  COPY binary bin registry
  COPY config etc/docker/registry registry
  VOLUME /var/lib/registry
  CMD /etc/docker/registry/config.yml
jenkins-2
  FROM debian-8
  INSTALL openjdk curl git
  MAVEN jenkins remoting stapler
  COPY scripts usr/local/bin jenkins
  EXPOSE 8080
  ENTRYPOINT /bin/tini -- /usr/local/bin/jenkins.sh
elasticsearch-8
  FROM openjdk-17
  COPY spring-app usr/share/elasticsearch elasticsearch
  COPY config usr/share/elasticsearch/config elasticsearch
  CMD eswrapper
swarm-1
  COPY binary / swarm
  ENV SWARM_HOST=:2375
  EXPOSE 2375
  VOLUME /.swarm
  ENTRYPOINT /swarm
influxdb-2
  FROM debian-curl
  COPY binary usr/bin influxd
  COPY config etc/influxdb influxdb
  VOLUME /var/lib/influxdb2
  CMD influxd
"""

REPOSITORIES = """
library/nginx | public | latest,1.25,1=docker:nginx-1.25 alpine,1.25-alpine=docker:nginx-1.25-alpine | Official build of Nginx.
library/redis | public | latest,7,7.2=docker:redis-7 | Redis is the world's fastest data platform for caching, vector search, and NoSQL databases.
library/ubuntu | public | latest,22.04,jammy=oci:ubuntu-22.04 | Ubuntu is a Debian-based Linux operating system based on free software.
library/alpine | public | latest,3.18,3=list:alpine-3.18+alpine-3.18@arm64+alpine-3.18@386 3.6=schema1:alpine-3.6 | A minimal Docker image based on Alpine Linux with a complete package index and only 5 MB in size!
library/postgres | public | latest,15=docker:postgres-15 | The PostgreSQL object-relational database system provides reliability and data integrity.
library/node | public | latest,20=docker:node-20 20-alpine,alpine=docker:node-20-alpine | Node.js is a JavaScript-based platform for server-side and networking applications.
library/busybox | public | latest,1.36,musl=attested:busybox-1.36+busybox-1.36@arm64 | Busybox base image.
library/httpd | public | latest,2.4=docker:httpd-2.4 | The Apache HTTP Server Project
library/python | public | latest,3.11=docker:python-3.11 slim,3.11-slim=attested:python-3.11-slim | Python is an interpreted, interactive, object-oriented, open-source programming language.
library/mysql | public | latest,8=docker:mysql-8 | MySQL is a widely used, open-source relational database management system (RDBMS).
library/mongo | public | latest,7=docker:mongo-7 | MongoDB document databases provide high availability and easy scalability.
library/memcached | public | latest,1.6=docker:memcached-1.6 | Free & open source, high-performance, distributed memory object caching system.
library/debian | public | latest,12,bookworm=list:debian-12+debian-12@arm64 11,bullseye=docker:debian-11 8,jessie=schema1:debian-8 | Debian is a Linux distribution that's composed entirely of free and open-source software.
library/rabbitmq | public | latest,3=docker:rabbitmq-3 | RabbitMQ is an open source multi-protocol messaging broker.
library/traefik | public | latest,v3=docker:traefik-3 | Traefik, The Cloud Native Edge Router
library/hello-world | public | latest=list:hello-world+hello-world@arm+hello-world@arm64+hello-world@s390x linux=docker:hello-world | Hello World! (an example of minimal Dockerization)
library/golang | public | latest,1.21=list:golang-1.21+golang-windows | Go (golang) is a general purpose, higher-level, imperative programming language.
library/registry | public | latest,2=docker:registry-2 | Distribution implementation for storing and distributing of container images and artifacts
library/wordpress | public | latest,6=docker:wordpress-6 | The WordPress rich content management system can utilize plugins, widgets, and themes.
library/php | public | latest,8.2=docker:php-8.2 apache,8.2-apache=docker:php-8.2-apache | While designed for web development, the PHP scripting language also provides general-purpose use.
library/haproxy | public | latest,2.8=docker:haproxy-2.8 | HAProxy - The Reliable, High Performance TCP/HTTP Load Balancer
library/openjdk | public | latest,17=docker:openjdk-17 | Pre-release / non-production builds of OpenJDK
library/ruby | public | latest,3.1=docker:ruby-3.1 | Ruby is a dynamic, reflective, object-oriented, general-purpose, open-source programming language.
library/influxdb | public | latest,2=oci:influxdb-2 | InfluxDB is the open source time series database built for real-time analytic workloads.
library/elasticsearch | public | 8.11.1,8.10.4=docker:elasticsearch-8 | Elasticsearch is a powerful open source search and analytics engine (there is no "latest").
library/tomcat | public | latest,10=docker:tomcat-10 | Apache Tomcat is an open source implementation of the Java Servlet and JavaServer Pages technologies
library/fedora | public | latest,39=oci:fedora-39 | Official Docker builds of Fedora
library/consul | public | latest,1.15=docker:consul-1.15 | Consul is a datacenter runtime that provides service discovery, configuration, and orchestration.
library/ghost | public | latest,5=docker:ghost-5 | Ghost is a free and open source blogging platform written in JavaScript
library/jenkins | public | latest,2.60.3=schema1:jenkins-2 | DEPRECATED; use "jenkins/jenkins:lts" instead
library/swarm | public | latest,1.2.9=schema1:swarm-1 | DEPRECATED; a Docker-native clustering system.
"""  # noqa: E501 - rows of a table
