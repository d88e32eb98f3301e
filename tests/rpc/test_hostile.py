"""What a broken or hostile peer sends: it is refused with E001 or answered, and never leaves anything behind.

A failure here means that bytes from outside can crash a node, or make it hold what it should not.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnpc.errors import Code, Error
from qnpc.rpc import Remote, RemoteProtocolError, build
from qnpc.rpc.framing import Deframer
from qnpc.rpc.messages import CONTENT, PARAMS_PATH, Descriptor, Target
from qnpc.rpc.pointers import descend
from qnpc.rpc.schema import RPC, Builder
from qnpc.rpc.state import Called, Released, Returned, Withdrawn
from qnpc.rpc.vat import Vat
from tests.rpc.bare import Bare
from tests.rpc.demo import BOX, STORE, Box, Boxed, Count, Empty, Item, Named, Watch, Watched, Watcher
from tests.rpc.pairs import SMALL, pair
from tests.support.links import turns

WORDLESS = {"questions": 0, "answers": 0, "exports": 1, "imports": 0, "bytes": 0}


ROOT = Target(0)


@pytest.fixture
def bare() -> Bare:
    return Bare.serving()


def message(fill: Callable[[Builder], object]) -> bytes:
    root = RPC.Message.new_message()
    fill(root)
    return bytes(root.to_bytes())


def call(question: int, target: Target = ROOT, *table: Descriptor) -> bytes:
    if table:
        return build.call(question, target, STORE.keep.key, STORE.keep.params, Watched(Watcher()), table)
    return build.call(question, target, BOX.name.key, BOX.name.params, Empty(), ())


def returned(answer: int, kind: str, value: Any = None) -> bytes:
    def fill(root: Builder) -> None:
        ret = root.init("return")
        ret.answerId = answer
        if kind == "results":
            ret.init("results")
        else:
            setattr(ret, kind, value)

    return message(fill)


def disembargo(kind: str, target: Target) -> bytes:
    def fill(root: Builder) -> None:
        body = root.init("disembargo")
        setattr(body.context, kind, 5 if kind != "accept" else None)
        if target.path is None:
            body.init("target").importedCap = target.id
        else:
            promised = body.init("target").init("promisedAnswer")
            promised.questionId = target.id
            for step, index in zip(promised.init("transform", len(target.path)), target.path, strict=True):
                step.getPointerField = index

    return message(fill)


VIOLATIONS = {
    "an answer to no call": returned(9, "results"),
    "a call on nothing": call(1, Target(7)),
    "a release of nothing": build.release(7, 1),
    "a release of too much": build.release(0, 2),
    "a capability that is not here": call(1, Target(0), Descriptor("receiverHosted", 7)),
    "an embargo lifted that nobody laid": disembargo("receiverLoopback", Target(0)),
    "a disembargo that leads to our own object": disembargo("senderLoopback", Target(0)),
    "a disembargo that leads into nothing": disembargo("senderLoopback", Target(9, ())),
    "our finish given back": build.unimplemented(build.finish_keeping(1)),
    "a call given back that we did not make": build.unimplemented(call(1)),
    "no root": bytes.fromhex("00000000 01000000 00000000 00000000"),
    "no words": bytes.fromhex("00000000 00000000"),
    "a root that leads astray": bytes.fromhex("00000000 01000000 00000000 01000100"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_ends_the_connection(bare: Bare, name: str) -> None:
    bare.refused(VIOLATIONS[name])
    bare.vat.receive_bytes(call(1))  # nothing after it has any effect
    assert list(bare.events()) == []


def test_the_same_question_twice(bare: Bare) -> None:
    bare.send(call(1))
    assert bare.refused(call(1)) == "the id of a call is in use"


def test_finished_twice(bare: Bare) -> None:
    bare.send(call(1), build.finish_keeping(1))
    assert bare.refused(build.finish_keeping(1)) == "a call was finished twice"


def test_a_finish_of_nothing_is_no_harm(bare: Bare) -> None:
    bare.send(build.finish_releasing(77))
    assert bare.vat.sizes == WORDLESS


@pytest.mark.parametrize("kind", ["canceled", "resultsSentElsewhere"])
def test_an_answer_of_a_kind_that_was_not_asked_for(bare: Bare, kind: str) -> None:
    bare.vat.bootstrap()
    bare.refused(returned(0, kind))


def test_an_answer_that_lies_elsewhere_fails_the_call(bare: Bare) -> None:
    question = bare.vat.send_call(bare.vat.bootstrap(), BOX.name, Empty(), object())
    bare.send(returned(question.id, "takeFromOtherQuestion", 3))
    (event,) = bare.events()
    assert isinstance(event, Returned)
    assert isinstance(event.outcome, Error)
    assert event.outcome.kind is Code.UNSUPPORTED_VERSION


@pytest.mark.parametrize(
    "odd",
    [
        message(lambda root: root.init("provide")),
        message(lambda root: root.init("accept")),
        message(lambda root: root.init("join")),
        disembargo("accept", Target(0)),
        message(lambda root: setattr(root.init("call").sendResultsTo, "yourself", None)),
    ],
)
def test_what_we_do_not_speak_is_given_back(bare: Bare, odd: bytes) -> None:
    bare.send(odd)
    with RPC.Message.from_bytes(odd) as original, RPC.Message.from_bytes(bare.sent()[-1]) as answer:
        assert answer.which() == "unimplemented"
        assert answer.unimplemented.to_dict() == original.to_dict()
    assert bare.vat.sizes == WORDLESS


def test_a_kind_that_is_not_invented_yet_is_given_back(bare: Bare) -> None:
    odd = bytearray(build.finish_keeping(1))
    odd[16] = 99  # the union's tag
    bare.send(bytes(odd))
    with RPC.Message.from_bytes(bare.sent()[-1]) as answer:
        assert answer.which() == "unimplemented"


def test_a_peer_that_does_not_know_our_call_fails_it(bare: Bare) -> None:
    remote = bare.vat.bootstrap()
    watcher = Watcher()
    question = bare.vat.send_call(remote, STORE.keep, Watched(watcher), object())
    sent = bare.sent()
    bare.send(build.unimplemented(sent[1]))
    outcomes = list(bare.events())
    assert any(isinstance(event, Released) and event.served is watcher for event in outcomes)
    (event,) = [event for event in outcomes if isinstance(event, Returned)]
    assert event.question is question
    assert isinstance(event.outcome, Error)
    assert event.outcome.kind is Code.UNSUPPORTED_VERSION


def test_what_leads_back_to_the_other_side_is_disembargoed(bare: Bare) -> None:
    bare.send(call(1, Target(0), Descriptor("senderHosted", 12)))
    (event,) = bare.events()
    assert isinstance(event, Called)
    watched = event.params.read(STORE.keep.params)
    bare.vat.send_results(event.answer, STORE.give.results, watched)
    bare.sent()
    bare.send(disembargo("senderLoopback", Target(1, (0,))))
    with RPC.Message.from_bytes(bare.sent()[0]) as answer:
        assert answer.disembargo.context.receiverLoopback == 5
        assert answer.disembargo.target.importedCap == 12


def test_a_call_that_others_wait_for_goes_on_when_it_is_finished(bare: Bare) -> None:
    bare.send(call(1), call(2, Target(1, (0,))), build.finish_releasing(1))
    (event,) = bare.events()  # the call, and no word of a withdrawal
    assert isinstance(event, Called)
    bare.sent()
    bare.vat.send_results(event.answer, STORE.slow.results, Boxed(Box("b")))
    (following,) = bare.events()
    assert isinstance(following, Called)
    assert following.answer.id == 2
    assert bare.sent() == [build.return_canceled(1)]
    bare.vat.send_results(following.answer, BOX.put.results, Count(1))
    bare.send(build.finish_keeping(2))
    assert [type(event) for event in bare.events()] == [Released]
    assert bare.vat.sizes == WORDLESS


def test_a_finished_call_is_cancelled_when_the_last_that_waited_for_it_is_withdrawn(bare: Bare) -> None:
    bare.send(call(1), call(2, Target(1, (0,))), call(3, Target(2, (0,))), build.finish_releasing(1))
    (event,) = bare.events()
    assert isinstance(event, Called)
    bare.send(build.finish_releasing(2))
    assert list(bare.events()) == []
    bare.send(build.finish_releasing(3))
    (withdrawn,) = bare.events()
    assert isinstance(withdrawn, Withdrawn)
    assert withdrawn.answer is event.answer
    assert bare.sent() == [build.return_canceled(3), build.return_canceled(2)]
    bare.vat.send_error(event.answer, Error(Code.INTERNAL))
    assert bare.vat.sizes == WORDLESS


def test_promises_of_theirs_are_called_and_their_resolutions_let_go(bare: Bare) -> None:
    bare.send(call(1, Target(0), Descriptor("senderPromise", 40)))
    assert bare.vat.sizes["imports"] == 1
    resolution = message(lambda root: setattr(root.init("resolve").init("cap"), "senderHosted", 41))
    bare.send(resolution)
    assert bare.sent() == [build.release(41, 1)]
    bare.send(message(lambda root: root.init("resolve").init("exception")))
    assert bare.vat.sizes["imports"] == 1


def test_a_capability_of_a_third_party_is_called_through_its_vine(bare: Bare) -> None:
    def fill(root: Builder) -> None:
        body = root.init("call")
        body.questionId = 1
        body.target.importedCap = 0
        body.params.init("capTable", 1)[0].init("thirdPartyHosted").vineId = 12

    bare.send(message(fill))
    (event,) = bare.events()
    assert isinstance(event, Called)
    event.params.release()
    assert build.release(12, 1) in bare.sent()


def test_references_are_released_as_often_as_they_were_sent(bare: Bare) -> None:
    events: list[Called] = []
    for question in range(3):
        bare.send(call(question, Target(0), Descriptor("senderHosted", 5)))
        events += [event for event in bare.events() if isinstance(event, Called)]
    bare.sent()
    for event in events:
        event.params.release()
    assert bare.sent() == [build.release(5, 3)]


def test_capabilities_that_no_field_names_are_let_go(bare: Bare) -> None:
    bare.send(call(1, Target(0), Descriptor("senderHosted", 5), Descriptor("senderHosted", 6)))
    (event,) = bare.events()
    assert isinstance(event, Called)
    kept = event.params.read(STORE.keep.params).watcher
    assert bare.sent() == [build.release(6, 1)]
    assert isinstance(kept, Remote)
    kept.release()
    assert bare.sent() == [build.release(5, 1)]


def test_capabilities_beside_malformed_parameters_are_let_go(bare: Bare) -> None:
    raw = bytearray(call(1, Target(0), Descriptor("senderHosted", 5)))
    content = descend(bytes(raw), *PARAMS_PATH, CONTENT)
    assert content is not None
    raw[content.pointer(0)] = 1  # a list where the capability stood
    bare.send(bytes(raw))
    (event,) = bare.events()
    assert isinstance(event, Called)
    with pytest.raises(Error, match="E001"):
        event.params.read(STORE.keep.params)
    assert bare.sent() == [build.release(5, 1)]


def test_an_answer_that_needs_no_finish_gets_none(bare: Bare) -> None:
    remote = bare.vat.bootstrap()
    bare.send(build.return_bootstrap(0, 3))
    question = bare.vat.send_call(remote, BOX.name, Empty(), object())
    bare.sent()
    bare.send(build.return_empty(question.id))
    assert bare.sent() == []


def test_the_bootstrap_object_stays_when_its_references_go(bare: Bare) -> None:
    bare.send(build.release(0, 1))
    assert list(bare.events()) == []
    bare.send(build.bootstrap(5))
    assert bare.vat.sizes["exports"] == 1
    _, served = bare.vat.close(Error(Code.UNREACHABLE))
    assert served == [bare.box]


def test_a_call_into_an_answer_that_is_gone_is_refused_alone(bare: Bare) -> None:
    bare.send(call(1, Target(55, (0,))), call(2, Target(2, (0,))))
    kinds = []
    for raw in bare.sent():
        with RPC.Message.from_bytes(raw) as answer:
            kinds.append(getattr(answer, "return").exception.reason[:4])
    assert kinds == ["E001", "E001"]


def test_an_abort_is_the_end(bare: Bare) -> None:
    bare.send(build.abort("E023 SHUTTING_DOWN: bye"), call(1))
    (event,) = bare.events()
    assert event.error.kind is Code.SHUTTING_DOWN  # type: ignore[union-attr]


# -- mutations ------------------------------------------------------------------------------------------------------------------------


async def converse() -> list[bytes]:
    p = pair(limits=SMALL)
    opened = await p.client.call(p.root, STORE.open, Named("b"))
    await p.client.call(p.root, STORE.watch, Watch(Watcher(), 2))
    slow = p.client.start_call(p.root, STORE.slow, Named("b")).capability("box")
    put = p.client.start_call(slow, BOX.put, Item(1))
    await p.client.call(p.root, STORE.give, Watched(Watcher()))
    p.client.start_call(p.root, STORE.wait, Empty()).cancel()
    p.store.let_go.set()
    await put
    opened.box.release()  # type: ignore[union-attr]
    await turns()
    await p.close()
    return list(Deframer(1 << 20).receive(bytes(p.client_link.sent)))


@functools.cache
def conversation() -> list[bytes]:
    """What the client of a whole conversation sent, message by message."""
    return asyncio.run(converse())


def answer_everything(vat: Vat) -> None:
    """Half of what is called is answered, half refused; what comes in is kept nowhere."""
    while (event := vat.next_event()) is not None:
        if not isinstance(event, Called):
            continue
        try:
            event.params.read(STORE.keep.params) if event.key == STORE.keep.key else event.params.release()
            if event.answer.id % 2:
                vat.send_results(event.answer, STORE.slow.results, Boxed(Box("b")))
            else:
                vat.send_error(event.answer, Error(Code.NOT_FOUND))
        except RemoteProtocolError:
            return
        except Error as error:
            vat.send_error(event.answer, error)


def bounded(vat: Vat) -> None:
    sizes = vat.sizes
    assert sizes["answers"] <= SMALL.calls_in_flight + SMALL.exports
    assert max(sizes["exports"], sizes["imports"]) <= SMALL.exports
    assert sizes["questions"] <= SMALL.calls_in_flight
    assert sizes["bytes"] <= 2 * SMALL.message_before_login


mutation = st.tuples(
    st.integers(0, 40), st.integers(8, 400), st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 2, 3]))
)


@settings(max_examples=400, deadline=None)
@given(st.lists(mutation, min_size=1, max_size=8), st.lists(st.integers(0, 40), max_size=10))
def test_mutated_conversations_end_in_refusals_only(
    mutations: list[tuple[int, int, int]], again: list[int]
) -> None:
    messages = [bytearray(one) for one in conversation()]
    messages += [messages[index % len(messages)] for index in again]
    for index, position, value in mutations:
        victim = messages[index % len(messages)]
        victim[position % len(victim)] = value
    vat = Vat(SMALL, Box("root"))
    vat.bootstrap()
    with contextlib.suppress(RemoteProtocolError):
        for one in messages:
            vat.receive_bytes(bytes(one))
            answer_everything(vat)
            bounded(vat)
            vat.bytes_to_send()
    vat.close(Error(Code.UNREACHABLE))
    assert set(vat.sizes.values()) == {0}


@given(st.binary(max_size=2000))
def test_noise_ends_in_a_refusal_or_waits_for_more(noise: bytes) -> None:
    vat = Vat(SMALL, Box("root"))
    with contextlib.suppress(RemoteProtocolError):
        vat.receive_bytes(noise)
    bounded(vat)


def test_thousands_of_calls_leave_nothing() -> None:
    bare = Bare.serving()
    for question in range(3000):
        bare.send(call(question % 3))
        for event in bare.events():
            assert isinstance(event, Called)
            bare.vat.send_results(event.answer, BOX.put.results, Count(1))
        bare.send(build.finish_keeping(question % 3))
        bare.sent()
    assert bare.vat.sizes == WORDLESS


def test_ids_of_our_questions_are_used_again(bare: Bare) -> None:
    remote = bare.vat.bootstrap()
    bare.send(build.return_bootstrap(0, 3))
    for _ in range(100):
        question = bare.vat.send_call(remote, BOX.name, Empty(), object())
        assert question.id == 0
        bare.send(build.return_empty(0))


# -- the peer around it -----------------------------------------------------------------------------------------------------------------


async def test_garbage_is_told_to_its_sender_and_to_those_who_wait() -> None:
    p = pair()
    watcher = Watcher()
    await p.client.call(p.root, STORE.keep, Watched(watcher))
    p.client.start_call(p.root, STORE.wait, Empty())
    await p.store.waiting.wait()
    p.server_link.inject(bytes.fromhex("00000000 01000000 ffffffff ffffffff"))
    why = await p.server.wait_closed()
    assert isinstance(why, RemoteProtocolError)
    told = await p.client.wait_closed()
    assert isinstance(told, Error)
    assert (told.kind, told.sentence) == (Code.BAD_REQUEST, "the message is malformed")
    assert p.store.cancelled.is_set()
    assert watcher.releases == 1


async def test_parameters_that_are_garbage_are_refused_alone() -> None:
    p = pair()
    bad = build.call(50, Target(0), STORE.open.key, STORE.open.params, Named("abcdefgh"), ()).replace(
        b"abcdefgh", b"\xff" * 8
    )
    await p.client.call(p.root, STORE.open, Named("before"))
    p.server_link.inject(bad)
    await turns()
    assert b"E001 BAD_REQUEST: a value in the message is malformed" in p.server_link.sent
    assert p.store.started == ["open"]
    await p.close()
