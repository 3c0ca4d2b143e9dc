"""Bills of what images copy in, and of what language package managers install."""

from __future__ import annotations

# COPY <bill> <directory> [<seed>]
APPLICATIONS = {
    "binary": "app",
    "static-site": "html:9 css:2 minjs png:6 jpg:4 gif:2 svg:4 ttf:2 xml json",
    "small-site": "html:3 css png:2 jpg",
    "docs": "html:24 css:2 png:8 svg:3 pdf:2 tex:2 readme",
    "flask-app": "py:9 init.py html:4 css minjs png:2 json yaml readme gitkeep",
    "django-app": "py:22 init.py html:9 css:2 js:3 png:3 json:2 sqlite readme licence gitkeep",
    "express-app": "js:12 package.json html:3 css minjs png:2 readme licence",
    "rails-app": "rb:26 yaml:5 html:6 css:2 js:3 png:2 readme log gitkeep:3",
    "php-app": "php:30 html:4 css:3 js:4 png:5 gif:2 jpg:2 sql readme licence",
    "go-source": "go:18 makefile readme licence json yaml",
    "spring-app": "jar:6 xml:3 yaml:2",
    "java-source": "java:16 class:16 xml:2 readme licence",
    "c-source": "c:16 h:10 o:6 makefile readme licence",
    "cpp-source": "cpp:14 h:12 o:5 native makefile readme licence alttext",
    "config": "conf yaml:2",
    "entrypoint": "entry",
    "scripts": "entry yaml json",
    "dataset": "csv:3 sqlite bz2:2 gz:2 blob:2 readme",
    "dumps": "sql:2 gz xz:2 zip tar tgz",
    "media": "jpg:7 png:4 ogg:3 pdf",
    "logs": "log:3 bdb",
    "windows-tools": "exe:3 readme",
    "notes": "readme licence notice alttext",
}

# Instruction to directory of one package, its bill, and the command of the history.
LANGUAGE_PACKAGES = {
    "PIP": (
        "usr/local/lib/python3.11/site-packages/{name}/",
        "py:7 pyc:7 init.py readme licence",
        "pip install --no-cache-dir",
    ),
    "NPM": ("usr/src/app/node_modules/{name}/", "js:5 package.json readme licence", "npm install"),
    "GEM": ("usr/local/bundle/gems/{name}/", "rb:9 readme licence", "bundle install"),
    "MAVEN": ("usr/share/maven-repo/{name}/", "jar:2 xml", "mvn dependency:resolve"),
}
