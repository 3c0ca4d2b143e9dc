"""Stage 1: which images exist.

A :class:`~hubcrawl.sources.Source` lists one registry by one endpoint, page by page;
:class:`~hubcrawl.engine.CrawlEngine` reads its pages and records what they hold in the catalog.
"""
