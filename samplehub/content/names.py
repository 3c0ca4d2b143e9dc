"""Invented names of owners and repositories, with the shape of those that the Hub had in 2016.

What counts is how they share beginnings, since that is what a crawl by queries lives on: owners sound like
people and projects (a chain of letters learnt from such words), repositories like the software in them.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from samplehub.content.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random

Thing = TypeVar("Thing")

_GIVEN = """
alex andre andrea andy anna anton ben brian carl carlos chris christian dan daniel dave david denis dmitri
eric evan frank fred george greg hans hector igor ivan jack jacob james jan jason javier jeff jens jerome
jim joe john jon jorge jose josh juan julian justin kai karl kevin kris lars lee leo luca lucas luis marc
marco maria mario mark martin mat matt max michael mike miguel mohamed nathan nick nico oleg oliver pablo
pat paul pavel pedro peter phil rafael ray ricardo rob robert roman ryan sam samuel scott sean sebastian
sergey shane simon stefan steve steven sven takeshi thomas tim tom tony victor vlad will xavier yuri zach
"""
_FAMILY = """
adams akiyama allen anders bailey baker bauer becker bennett berg blanc bose braun brown campos carter chan
chen choi clark cohen costa cruz das davis diaz dubois evans fischer fontana garcia ghosh gomez gray gupta
haas hall hansen harris hayashi hill hoang hoffman huang ito ivanov jackson jensen johnson jones kang kelly
khan kim king klein kobayashi koch kowalski kumar lam larsen lewis lin lopez ma maier martinez meyer miller
mishra moore morales mori morris muller murphy nakamura nelson nguyen novak olsen ortiz park patel pham
phillips popov reddy reyes richter rivera roberts rossi russo sato schmidt schneider scott shah sharma silva
singh smith sokolov suzuki takahashi tan tanaka taylor thompson torres tran turner vargas vogel wagner
walker wang weber white williams wilson wolf wong wood wright wu yamada yang young zhang zhao zhou zimmer
"""
_PROJECT = """
docker open code cloud the data dev net web soft tech micro mesos big blue red black green sky star north
digital smart open code docker cloud build infra system git stack deep alpha beta nano mega meta inter
"""
_SOFTWARE = """
docker ubuntu nginx base test app node php centos server debian mysql apache jenkins redis web jessie dev
ruby hello java alpine nodejs python sinatra demo elasticsearch sample tomcat proxy api build mongodb rpi
service mongo data postgres go slave agent consul wordpress spark static fpm ci webapp registry image
haproxy world example mesos rails builder django client db oracle postgresql golang logstash master rabbitmq
flask kafka worker zookeeper helloworld httpd ssh git lamp fedora mariadb simple gitlab cli ansible aws
android baseimage drone kibana my spring sshd container env etcd busybox runner hadoop cassandra frontend ui
solr tools backup fluentd jdk storm influxdb memcached drupal grafana selenium express boot laravel router
portal arch elk cloud wildfly composer http kube core maven testing scala dind config owncloud notebook
manager swift erlang teamcity chef auth hhvm chrome elixir rest vim auto openstack gateway symfony backend
statsd phantomjs dns perl volume cluster monitor openvpn minecraft neo4j admin mono puppet firefox ghost
"""
GIVEN, FAMILY, PROJECT, SOFTWARE = (tuple(text.split()) for text in (_GIVEN, _FAMILY, _PROJECT, _SOFTWARE))

# What tutorials made thousands of people push under their own names; the first is 5.7 % of all of 2016.
_LESSONS = ("docker-whale", "votingapp_voting-app", "votingapp_result-app", "amazon-ecs-sample", "static_web")
_SEPARATORS = "-" * 20 + "_" * 3 + "."  # as often as they occurred in names of repositories

# Names that the registry's grammar refuses and the Hub had all the same.
_DIRTY = ("..", "_", "_____", "{}-", "_{}", "{}-_worker", "-{}")


class Chain:
    """Makes words that sound like those it was given: each letter depends on the two before it."""

    def __init__(self, words: Iterable[str]) -> None:
        followers: defaultdict[str, list[str]] = defaultdict(list)
        for word in words:
            text = f"  {word} "
            for i in range(len(text) - 2):
                followers[text[i : i + 2]].append(text[i + 2])
        self._followers = dict(followers)

    def word(self, rng: Random, most: int) -> str:
        """A word of 1 to ``most`` letters."""
        text = "  "
        while len(text) < most + 2:
            letter = _one(rng, self._followers[text[-2:]])
            if letter == " ":
                break
            text += letter
        return text[2:]


class Namer:
    """One stream of names; ``rng`` is all that they depend on."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._sounds = Chain((*GIVEN, *FAMILY, *FAMILY, *PROJECT, *WORDS))
        self._by_popularity = list(accumulate(1 / (rank + 6) for rank in range(len(SOFTWARE))))
        self._owners: tuple[Callable[[], str], ...] = (self._person, self._person, self._project, self._sound)

    def owner(self) -> str:
        """An owner: 4 to 30 letters and digits."""
        rng = self._rng
        name = _one(rng, self._owners)()
        if rng.random() < 0.005:
            name = str(rng.randrange(1000)) + name
        if len(name) < 4 or rng.random() < 0.04:
            name += str(int(10 ** (rng.random() * 3)))
        return name.ljust(4, "0")[:30]

    def repository(self) -> str:
        """A repository, within the grammar: one to four words."""
        rng = self._rng
        if rng.random() < 0.08:
            return _LESSONS[min(int(rng.expovariate(1.2)), len(_LESSONS) - 1)]
        words = [self._thing() for _ in range(rng.choices((1, 2, 3, 4), (48, 36, 12, 4))[0])]
        text = words[0]
        for word in words[1:]:
            text += _one(rng, _SEPARATORS) + word
        return text

    def dirty(self) -> str:
        """A repository that no client can pull."""
        return _one(self._rng, _DIRTY).format(self.repository())

    def _thing(self) -> str:
        """One word of a repository's name."""
        rng = self._rng
        share = rng.random()
        if share < 0.55:
            return rng.choices(SOFTWARE, cum_weights=self._by_popularity)[0]
        if share < 0.63:
            return str(int(10 ** (rng.random() * 4)))
        if share < 0.75:
            return _one(rng, WORDS)
        return self._sounds.word(rng, 9)

    def _person(self) -> str:
        rng = self._rng
        given = _one(rng, GIVEN) if rng.random() < 0.4 else self._sounds.word(rng, 6)
        family = _one(rng, FAMILY) if rng.random() < 0.2 else self._sounds.word(rng, 9)
        return rng.choice((given[:1] + family, given[:1] + family, given + family, given + family[:1]))

    def _project(self) -> str:
        rng = self._rng
        first = _one(rng, PROJECT) if rng.random() < 0.3 else self._sounds.word(rng, 6)
        return first + rng.choice((_one(rng, WORDS), self._sounds.word(rng, 6), "labs", "io", "hub"))

    def _sound(self) -> str:
        rng = self._rng
        return self._sounds.word(rng, 10) + (self._sounds.word(rng, 6) if rng.random() < 0.4 else "")


def _one(rng: Random, things: Sequence[Thing]) -> Thing:
    """Faster than ``choice``, of which a crowd makes millions."""
    return things[int(rng.random() * len(things))]
