"""Drawings of results: one function per kind of figure, one look for all, three files for each.

A drawing is a function of plain values (:mod:`report.figures.values`): the same values give the same
bytes. matplotlib is imported here and nowhere else, since it takes half a second.
"""

from __future__ import annotations

from report.figures.bars import bars
from report.figures.cdf import cdf
from report.figures.growth import growth
from report.figures.histogram import histogram
from report.figures.saving import SUFFIXES, save
from report.figures.style import looking_alike

__all__ = ["SUFFIXES", "bars", "cdf", "growth", "histogram", "looking_alike", "save"]
