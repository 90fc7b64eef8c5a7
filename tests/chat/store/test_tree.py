"""The shape of a conversation, by the names of its messages alone."""

from __future__ import annotations

import pytest

from chat.store.tree import Node, Tree


@pytest.fixture
def tree() -> Tree:
    """A question `a` with answers `b` and `c`; below `b` goes `d`, below `c` go `e` and `f`; `g` hangs in the air."""
    edges = ["a", "ba", "ca", "db", "ec", "fc", "gx"]
    return Tree(Node(number, edge[0], edge[1:] or None) for number, edge in enumerate(edges))


def test_a_path_goes_from_the_root_to_the_message(tree: Tree):
    assert tree.path("f") == ["a", "c", "f"]
    assert tree.path(None) == tree.path("nothing") == []


def test_siblings_stand_in_the_same_place_oldest_first(tree: Tree):
    assert tree.siblings("c") == ["b", "c"]
    assert tree.siblings("a") == ["a"]


def test_the_newest_leaf_takes_the_youngest_branch(tree: Tree):
    assert (tree.newest_leaf("a"), tree.newest_leaf("b"), tree.newest_leaf(None)) == ("f", "d", "f")


def test_a_branch_is_all_that_hangs_on_a_message(tree: Tree):
    assert tree.branch("c") == ["c", "e", "f"]


def test_without_a_branch_one_looks_at_its_sibling_or_its_parent(tree: Tree):
    assert tree.leaf_without("c") == "d"
    assert tree.leaf_without("d") == "b"
    assert tree.leaf_without("a") is None


def test_every_end_is_a_leaf(tree: Tree):
    assert tree.leaves() == ["d", "e", "f", "g"]


def test_a_message_is_part_of_it_or_not(tree: Tree):
    assert "a" in tree
    assert "nothing" not in tree


def test_a_chain_of_many_messages_is_walked_without_recursion():
    tree = Tree(Node(number, str(number), str(number - 1) if number else None) for number in range(5000))
    assert len(tree.path("4999")) == len(tree.branch("0")) == 5000
    assert tree.newest_leaf("0") == "4999"
