"""Package URLs, mostly the examples of their specification (package-url/purl-spec)."""

import pytest

from analyzer.images.purl import package_url


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (("deb", "curl", "7.50.3-1", "i386", "debian"), "pkg:deb/debian/curl@7.50.3-1?arch=i386"),
        (("deb", "libstdc++6", "1:2.3+b1~x", "", "ubuntu"), "pkg:deb/ubuntu/libstdc%2B%2B6@1:2.3%2Bb1~x"),
        (("apk", "apk", "2.12.9-r3", "x86", "alpine"), "pkg:apk/alpine/apk@2.12.9-r3?arch=x86"),
        (("rpm", "curl", "7.50.3-1.fc25", "i386", "fedora"), "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386"),
        (("rpm", "PyXML", "1:0.8-1", "noarch", "rhel"), "pkg:rpm/rhel/PyXML@0.8-1?arch=noarch&epoch=1"),
        (("pypi", "Django_Allauth", "12.23", "", "debian"), "pkg:pypi/django-allauth@12.23"),
        (("npm", "@angular/animation", "12.3.1", "x", None), "pkg:npm/%40angular/animation@12.3.1"),
        (("npm", "foobar", "12.3.1", "", None), "pkg:npm/foobar@12.3.1"),
        (("gem", "Ruby/x", "", "", None), "pkg:gem/Ruby%2Fx"),
        (("deb", "curl", "1", "", None), "pkg:deb/curl@1"),
        (("deb", "\ud800", "1", "", None), "pkg:deb/%3F@1"),
    ],
)
def test_by_example(package: tuple[str, str, str, str, str | None], expected: str) -> None:
    """Type, namespace, name, version and qualifiers, each by the rules of its type."""
    assert package_url(*package) == expected
