"""All attacks, by name, in the order of the table."""

from __future__ import annotations

from tests.hostile.attack import Attack
from tests.hostile.attacks import (
    calls,
    capabilities,
    datagrams,
    deaf,
    floods,
    frames,
    handshakes,
    idle,
    logins,
    messages,
)

ATTACKS: dict[str, type[Attack]] = {
    attack.name.replace(" ", "-"): attack
    for attack in (
        idle.Idle,
        datagrams.Garbage,
        datagrams.ResetBait,
        handshakes.HalfOpen,
        handshakes.FarCrypto,
        handshakes.Churn,
        floods.SpoofedNoise,
        floods.SilentOwners,
        frames.FarOffsets,
        frames.Fragments,
        frames.TinyFrames,
        messages.HalfMessages,
        messages.SlowDrip,
        messages.Oversize,
        messages.DeepNesting,
        calls.CallsInFlight,
        calls.BusyCaller,
        calls.PromiseChains,
        capabilities.Forgeries,
        capabilities.Hoard,
        capabilities.Bootstraps,
        capabilities.Storms,
        logins.Logins,
        logins.Registrations,
        deaf.Deaf,
    )
}
