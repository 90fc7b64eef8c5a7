"""A conversation's messages as a tree of ids: which path is shown, where a branch ends, what hangs on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A message without its text. `number` grows in the order in which messages were made."""

    number: int
    id: str
    parent_id: str | None


class Tree:
    """The messages of one conversation, oldest first. A message whose parent is gone is not part of it."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = {node.id: node for node in sorted(nodes, key=lambda node: node.number)}
        self._children: dict[str | None, list[str]] = {}
        for node in self.nodes.values():
            self._children.setdefault(node.parent_id, []).append(node.id)

    def __contains__(self, message_id: str | None) -> bool:
        return message_id in self.nodes

    def path(self, leaf_id: str | None) -> list[str]:
        """The ids from the root to this message."""
        ids: list[str] = []
        while leaf_id is not None and leaf_id in self.nodes:
            ids.append(leaf_id)
            leaf_id = self.nodes[leaf_id].parent_id
        return ids[::-1]

    def children(self, message_id: str | None) -> list[str]:
        """The ids below a message, oldest first; of None the roots."""
        return self._children.get(message_id, [])

    def siblings(self, message_id: str) -> list[str]:
        """The ids that stand in the same place, itself among them, oldest first."""
        return self.children(self.nodes[message_id].parent_id)

    def newest_leaf(self, message_id: str | None) -> str | None:
        """Where one comes when one always takes the youngest branch; from None the youngest root."""
        while below := self.children(message_id):
            message_id = below[-1]
        return message_id

    def branch(self, message_id: str) -> list[str]:
        """A message and all that hangs on it."""
        found = [message_id]
        for each in found:
            found.extend(self.children(each))
        return found

    def leaf_without(self, message_id: str) -> str | None:
        """Where to look when this branch is gone: at its youngest sibling's end, else at its parent."""
        others = [each for each in self.siblings(message_id) if each != message_id]
        return self.newest_leaf(others[-1]) if others else self.nodes[message_id].parent_id

    def leaves(self) -> list[str]:
        """Every message on which nothing hangs, oldest first."""
        return [each for each in self.nodes if not self.children(each)]
