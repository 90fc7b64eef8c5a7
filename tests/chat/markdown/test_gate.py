"""The last gate lets through what is named, whatever comes before it."""

from __future__ import annotations

import pytest

from chat.markdown.gate import cleaned


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<script>x</script>", ""),
        ("<p onclick=x style='color:red' id=y>a</p>", "<p>a</p>"),
        ("<img src=https://example.org/x onerror=x>", ""),
        ("<svg><a href='javascript:x'>y</a></svg>", ""),
        ("<iframe src=x></iframe>", ""),
        ("<span class='k evil'>x</span>", '<span class="k">x</span>'),
        ("<math><mi onclick=x href='javascript:x'>x</mi></math>", "<math><mi>x</mi></math>"),
        ("<math><annotation-xml encoding='text/html'><script>x</script></annotation-xml></math>", "<math></math>"),
        ("<details open ontoggle=x><summary>a</summary></details>", "<details><summary>a</summary></details>"),
        ("<!-- x -->", ""),
        ("<a href='/api/models'>x</a>", '<a target="_blank" rel="noopener noreferrer nofollow">x</a>'),
    ],
)
def test_only_what_is_named_passes(given: str, kept: str) -> None:
    assert cleaned(given) == kept
