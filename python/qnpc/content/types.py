"""The values of content.capnp."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class GroupName:
    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind that a newer client sends and this one does not know."""


Body = Text | GroupName | Unknown


@dataclass(frozen=True, slots=True)
class Content:
    """The plaintext of an application message.

    `counter` counts this device's messages in this group from 1; `sent_at` is Unix milliseconds by the sender's clock."""

    counter: int
    sent_at: int
    body: Body


@dataclass(frozen=True, slots=True)
class Invitation:
    """`epoch` is the one that `welcome` (an MLSMessage) opens."""

    group: bytes
    name: str
    suite: int
    epoch: int
    welcome: bytes


Note = Invitation | Unknown
