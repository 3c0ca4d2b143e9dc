"""Text files: a table of languages, each a head, kinds of lines, and a tail.

Lines come from a pool that is made once per language, because files are made by the thousand:
two files of a language share lines, as real ones do, but hardly ever all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from samplehub.content.seeds import stream
from samplehub.content.words import WORDS

if TYPE_CHECKING:
    from random import Random

_POOL_LINES = 2500  # about 100 KB: three times the 32 KiB window of gzip, so that texts compress 3 to 5 times


@dataclass(frozen=True, slots=True)
class Language:
    """How a kind of text file looks.

    Attributes:
        lines: Templates of the body; ``{a}``, ``{b}``, ``{c}`` become words, ``{n}`` a number.
        head: Template of the beginning.
        tail: The end.
        encoding: Of the file.
    """

    lines: tuple[str, ...]
    head: str = ""
    tail: str = ""
    encoding: str = "utf-8"


_PROSE = (
    "The {a} of the {b} is kept in the {c} until the next {a} {b}.",
    "If a {a} is given, {b} reads {n} bytes from the {c} and returns.",
    "See also {a}(1), {b}({n}) and the {c} manual for the {a} {b}.",
    "",
    "  * {a}: new {b} {c} (closes: #{n})",
    "When the {b} is larger than {n} the {a} must not wait for a {c};",
)

LANGUAGES = {
    "text": Language(_PROSE),
    "latin1": Language(
        ("{a} für den {b}: {n} Stück", "Größe der {a}, {b} geändert", *_PROSE), encoding="latin-1"
    ),
    "utf8": Language(("{a}, {b}: „{c}“ ({n} €)", "Ελληνικά {a} 日本語 {b} русский {c}", *_PROSE)),
    "licence": Language(
        (
            "Redistribution of the {a} with or without {b} is permitted provided that the {c}",
            "THE {a} IS PROVIDED AS IS, WITHOUT {b} OF ANY KIND, EXPRESS OR IMPLIED, {c}",
            "copies of the {a}, and to permit persons to whom the {b} is furnished to {c}",
        ),
        head="Copyright (c) 20{n} the {a} {b} authors\n",
    ),
    "changelog": Language(
        (
            "  * New {a} release; refresh {b} patches.",
            "  * {a}: fix {b} in {c} (Closes: #{n}).",
            "",
            " -- {a} {b} <{a}@{b}.example>  Tue, 14 Nov 2023 10:{n}:00 +0000",
            "{a} (1.{n}-1) unstable; urgency=medium",
        )
    ),
    "c": Language(
        (
            "static int {a}_{b}(struct {a} *{c}, size_t {b}_len)",
            "    if ({a}->{b} == NULL || {c} < {n})",
            "        return -E{n};",
            "    for (i = 0; i < {a}->{b}_count; i++)",
            "        {a}_{b}(&{c}[i], {n}U);",
            "/* {a} {b}: keep the {c} */",
            "",
        ),
        head="/* SPDX-License-Identifier: MIT */\n#include <stdio.h>\n#include <{a}/{b}.h>\n\n",
        tail="int main(void)\n{\n    return 0;\n}\n",
    ),
    "header": Language(
        (
            "#define {a}_{b}_MAX {n}",
            "extern int {a}_{b}(const char *{c}, unsigned int flags);",
            "typedef struct {a}_{b} {a}_{b}_t;",
            "    unsigned long {a}; /* {b} of the {c} */",
        ),
        head="#ifndef {a}_{b}_H\n#define {a}_{b}_H 1\n#include <stddef.h>\n",
        tail="#endif\n",
    ),
    "cpp": Language(
        (
            "std::unique_ptr<{a}> {b} = std::make_unique<{a}>({c}, {n});",
            "    template <typename T> class {a}_{b} : public {c}<T> {{",
            "  return {a}::{b}({c}.begin(), {c}.end());",
        ),
        head="#include <memory>\n#include <vector>\nnamespace {a} {{\n",
        tail="}  // namespace\n",
    ),
    "python": Language(
        (
            "def {a}_{b}({c}, {b}=None):",
            '    """Return the {a} of a {b}."""',
            "    if {a} is None or len({b}) > {n}:",
            "        raise ValueError('{a} {b} is not a {c}')",
            "    return self.{a}.{b}({c}, {n})",
            "",
            "class {a}{b}(object):",
        ),
        head="#!/usr/bin/env python3\nimport os\nfrom {a} import {b}\n\n",
    ),
    "shell": Language(
        (
            'if [ -z "${a}" ]; then',
            '    echo "{a}: {b} {c}" >&2',
            "    {a}_{b}={n}",
            "fi",
            'for {a} in "$@"; do',
            "done",
            "# {a} the {b} before {c}",
        ),
        head="#!/bin/sh\nset -e\n# {a} {b}\n",
        tail='exec "$@"\n',
    ),
    "perl": Language(
        (
            "sub {a}_{b} {{ my ($self, %{c}) = @_; return $self->{{{a}}}; }}",
            "=head2 {a} {b}",
            "my ${a} = {n};",
        ),
        head="#!/usr/bin/perl\npackage {a}::{b};\nuse strict;\nuse warnings;\n",
        tail="1;\n__END__\n",
    ),
    "ruby": Language(
        ("    def {a}_{b}({c} = {n})", "      @{a}.{b} {{ |{c}| {c}.{a} }}", "    end", "    # {a} {b}"),
        head="#!/usr/bin/env ruby\nrequire '{a}'\nmodule {b}\n",
        tail="end\n",
    ),
    "php": Language(
        ("    public function {a}{b}(${c}) {{", "        return $this->{a}[{n}]->{b}(${c});", "    }}"),
        head="<?php\nnamespace {a}\\{b};\n",
    ),
    "js": Language(
        (
            "  var {a} = require('./{b}');",
            "  module.exports.{a} = function ({b}, {c}) {{",
            "    return {a}.{b}({c}, {n});",
            "  }};",
        ),
        head="'use strict';\n// {a} {b}\n(function () {{\n",
        tail="}());\n",
    ),
    "css": Language((".{a}-{b} {{ margin: {n}px; }}", "#{a} .{c} {{ width: {n}%; }}"), head="/* {a} */\n"),
    "html": Language(
        (
            '<p class="{a}">The {b} of a {c}.</p>',
            '<li><a href="{a}.html">{b} {c}</a></li>',
            "<h2>{a} {b}</h2>",
        ),
        head="<!DOCTYPE html>\n<html>\n<head><title>{a} {b}</title></head>\n<body>\n",
        tail="</body>\n</html>\n",
    ),
    "xml": Language(
        ('  <{a} id="{n}"><{b}>{c}</{b}></{a}>', '  <entry key="{a}.{b}">{n}</entry>'),
        head='<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n',
        tail="</configuration>\n",
    ),
    "svg": Language(
        ('<path d="M{n} {n}L{n} 7z" fill="#{n}"/>',),
        head='<svg xmlns="http://www.w3.org/2000/svg" width="{n}" height="{n}">\n',
        tail="</svg>\n",
    ),
    "json": Language(
        ('  "{a}_{b}": "{c}",', '  "{a}.{b}": {n},', '  "{a}{n}": ["{b}", "{c}"],'),
        head='{{\n  "name": "{a}-{b}",\n',
        tail='  "private": true\n}\n',
    ),
    "yaml": Language(("{a}_{b}: {n}", "  - {a}: {b}", "# {a} {c}"), head="---\n"),
    "conf": Language(("{a}_{b} = {n}", "#{a} {b} {c}", "{a}.{b} {c};", ""), head="# {a} configuration\n"),
    "csv": Language(("{n},{a},{b},0.{n}",), head="id,{a},{b},{c}\n"),
    "sql": Language(
        ("INSERT INTO {a} ({b}, {c}) VALUES ({n}, '{c}');", "CREATE INDEX {a}_{b} ON {a} ({b});"),
        head="-- {a} dump\nBEGIN;\n",
        tail="COMMIT;\n",
    ),
    "log": Language(
        ('10.0.{n}.7 - - [14/Nov/2023:22:13:20 +0000] "GET /{a}/{b} HTTP/1.1" 200 {n} "-" "{c}/1.0"',)
    ),
    "tex": Language(
        (r"\section{{{a} {b}}}", "The {a} {b} of \\emph{{{c}}}."), head="\\documentclass{{article}}\n"
    ),
    "make": Language(
        ("{a}.o: {b}.c {c}.h", "\t$(CC) $(CFLAGS) -c {a}.c", "{a}_{b} := {c}"), head="CC = gcc\n"
    ),
    "man": Language(
        (
            ".B {a}",
            ".I {b}",
            "The {a} utility writes the {b} to {c}.",
            ".TP",
            ".SH {a}",
            "\\-\\-{a}=\\fI{b}\\fR",
        ),
        head='.TH {a} 1 "2023-11-14"\n.SH NAME\n{a} \\- {b} {c}\n',
    ),
    "go": Language(
        ("func (s *{a}) {b}{c}() error {{", "\treturn s.{a}.{b}({n})", "}}", "// {a} {b}"),
        head='package {a}\n\nimport "fmt"\n\n',
    ),
    "java": Language(
        ("    private final {a} {b} = new {a}({n});", "    public {a} get{b}() {{ return this.{c}; }}"),
        head="package org.{a};\n\npublic class {b} {{\n",
        tail="}\n",
    ),
}


def text(rng: Random, size: int, language: str) -> bytes:
    """A text of about ``size`` bytes (whole lines, at least the head and the tail)."""
    look = LANGUAGES[language]
    pool, average = _pool(language)
    body = rng.choices(pool, k=max(1, size // average))
    return (_fill(rng, look.head) + "\n".join(body) + "\n" + look.tail).encode(look.encoding)


@cache
def _pool(language: str) -> tuple[list[str], int]:
    """The lines of a language, and their average length in bytes."""
    rng = stream("lines", language)
    lines = [_fill(rng, rng.choice(LANGUAGES[language].lines)) for _ in range(_POOL_LINES)]
    return lines, 1 + sum(map(len, lines)) // len(lines)


def _fill(rng: Random, template: str) -> str:
    a, b, c = rng.choices(WORDS, k=3)
    return template.format(a=a, b=b, c=c, n=rng.randrange(1000))
