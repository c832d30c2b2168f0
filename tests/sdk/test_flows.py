"""What takes the SDK several calls: uploads that are awaited and saved, conversations with tools, streams."""

from __future__ import annotations

import base64
import csv
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

cohere = pytest.importorskip("cohere", reason="the official SDK is an optional extra")

from cohere import types  # noqa: E402 - only where the SDK is installed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Made, Sdk, Wire

CHAT, EMBED = "command-a-03-2025", "embed-english-light-v3.0"
CLIENTS = ("Client", "ClientV2", "AsyncClient", "AsyncClientV2")
INTERVAL = 0.01
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Reports the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
QUESTION = {"role": "user", "content": "What is the weather in Oslo?"}


def clean(wire: Wire) -> bool:
    return not wire.findings and None not in wire.operations


def saved(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    # Saved files are fetched by `requests`, which asks the environment.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_dataset_is_uploaded_awaited_and_saved(sdk: Sdk, tmp_path: Path, client: str, form: str) -> None:
    given = [{"text": f'Ferry "{n}", from the pier', "place": f"pier {n}"} for n in range(3)]
    lines = ["text,place", *('"{}",{}'.format(one["text"].replace('"', '""'), one["place"]) for one in given)]
    target = tmp_path / f"rows.{form}"

    async def work(one: Any) -> Any:
        created = await sdk.got(
            one.datasets.create(
                name="ferries",
                type="embed-input",
                data=("ferries.csv", "\n".join(lines).encode(), "text/csv"),
                keep_fields=["place"],
            )
        )
        ready = await sdk.got(one.wait(created, interval=INTERVAL, timeout=900))
        one.utils.save_dataset(ready.dataset, str(target), format=form)
        return ready

    ready, wire = sdk.do(client, work)
    assert ready.dataset.validation_status == "validated"
    assert sum(part.num_rows for part in ready.dataset.dataset_parts) == 3
    assert saved(target) == given
    assert sdk.untyped(ready) == []
    assert clean(wire)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_waiting_for_a_dataset_that_fails_says_why(sdk: Sdk, client: str) -> None:
    async def work(one: Any) -> Any:
        data = ("rows.jsonl", b'{"title": "no text"}\n')
        created = await sdk.got(one.datasets.create(name="bad", type="embed-input", data=data))
        return await sdk.got(one.wait(created, interval=INTERVAL, timeout=900))

    with pytest.raises(Exception, match=r"failed with status failed and error : .*text"):
        sdk.do(client, work)


@pytest.mark.parametrize("client", CLIENTS)
def test_an_embed_job_makes_what_embed_makes(sdk: Sdk, made: Made, tmp_path: Path, client: str) -> None:
    source, target = made.dataset(), tmp_path / "result.jsonl"

    async def work(one: Any) -> tuple[Any, Any]:
        begun = await sdk.got(
            one.embed_jobs.create(dataset_id=source, model=EMBED, input_type="search_document")
        )
        job = await sdk.got(one.wait(begun, interval=INTERVAL, timeout=900))
        output = await sdk.got(one.datasets.get(job.output_dataset_id))
        one.utils.save_dataset(output.dataset, str(target))
        texts = [row["text"] for row in saved(target)]
        direct = one.v2.embed(
            texts=texts, model=EMBED, input_type="search_document", embedding_types=["float"]
        )
        return job, await sdk.got(direct)

    (job, direct), wire = sdk.do(client, work)
    rows = saved(target)
    assert (job.status, job.input_dataset_id) == ("complete", source)
    assert [row["custom_id"] for row in rows] == ["0", "1", "2", "3"]
    assert [row["embeddings"]["float"] for row in rows] == [
        pytest.approx(one) for one in direct.embeddings.float_
    ]
    assert clean(wire)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_a_batch_answers_its_rows(sdk: Sdk, made: Made, tmp_path: Path, client: str) -> None:
    target = tmp_path / "result.jsonl"

    async def work(one: Any) -> Any:
        identity = (await sdk.got(one.batches.create(request=made.batch_request()))).batch.id
        made.settle()
        done = (await sdk.got(one.batches.retrieve(identity))).batch
        output = await sdk.got(one.datasets.get(done.output_dataset_id))
        one.utils.save_dataset(output.dataset, str(target))
        return done

    done, wire = sdk.do(client, work)
    rows = saved(target)
    assert (done.status, done.num_records, done.num_successful_records) == ("BATCH_STATUS_COMPLETED", 3, 3)
    assert int(done.input_tokens) > 0
    assert [row["custom_id"] for row in rows] == ["0", "1", "2"]
    assert all(not row["error"] and row["body"]["embeddings"]["float"] for row in rows)
    assert clean(wire)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_many_texts_are_embedded_in_several_calls_and_come_back_as_one(sdk: Sdk, client: str) -> None:
    texts = [f"ferry {n}" for n in range(97)]
    options = {"model": EMBED, "input_type": "clustering", "embedding_types": ["int8", "float"]}
    found, wire = sdk.do(client, lambda one: one.embed(texts=texts, **options))
    alone, _ = sdk.do(client, lambda one: one.embed(texts=texts[-1:], **options))
    assert found.texts == texts
    assert [len(found.embeddings.int8), len(found.embeddings.float_)] == [97, 97]
    assert found.embeddings.float_[-1] == alone.embeddings.float_[0]
    assert wire.operations == ["POST /v1/embed"] * 2
    assert clean(wire)


@pytest.mark.parametrize(
    ("client", "operation"), [("Client", "POST /v1/embed"), ("ClientV2", "POST /v2/embed")]
)
def test_embeddings_come_one_after_the_other(sdk: Sdk, client: str, operation: str) -> None:
    texts = ["a ferry", "a pier", "bread"]
    found, wire = sdk.do(
        client,
        lambda one: one.embed_stream(
            texts=texts, model=EMBED, input_type="classification", embedding_types=["float"], batch_size=2
        ),
    )
    assert [(one.index, one.text, len(one.embedding)) for one in found] == [
        (n, text, 384) for n, text in enumerate(texts)
    ]
    assert wire.operations == [operation] * 2
    assert clean(wire)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_images_and_mixed_inputs_are_embedded(sdk: Sdk, client: str) -> None:
    options = {"model": "embed-v4.0", "embedding_types": ["float", "base64"]}
    content = [{"type": "text", "text": "a dot"}, {"type": "image_url", "image_url": {"url": PIXEL}}]

    async def work(one: Any) -> tuple[Any, Any]:
        image = await sdk.got(one.embed(images=[PIXEL], input_type="image", **options))
        mixed = one.v2.embed(
            inputs=[{"content": content}], input_type="search_document", output_dimension=256, **options
        )
        return image, await sdk.got(mixed)

    (image, mixed), wire = sdk.do(client, work)
    assert (image.images[0].width, image.images[0].height, image.images[0].format) == (1, 1, "image/png")
    assert len(image.embeddings.float_[0]) == 1536
    packed = base64.b64decode(mixed.embeddings.base64[0])
    assert list(struct.unpack("<256f", packed)) == mixed.embeddings.float_[0]
    assert sdk.untyped([image, mixed]) == []
    assert clean(wire)


@pytest.mark.parametrize("client", CLIENTS)
def test_models_are_listed_page_by_page(sdk: Sdk, client: str) -> None:
    async def work(one: Any) -> list[str]:
        names, token = [], None
        while token != "":
            page = await sdk.got(one.models.list(page_size=5, page_token=token))
            names += [model.name for model in page.models]
            token = page.next_page_token or ""
        return names

    names, wire = sdk.do(client, work)
    assert len(names) == len(set(names))
    assert len(wire.operations) == -(-len(names) // 5) > 1
    assert clean(wire)


@pytest.mark.parametrize("client", ["Client", "ClientV2", "AsyncClient", "AsyncClientV2"])
def test_a_conversation_with_a_tool_ends_in_a_cited_answer(sdk: Sdk, client: str) -> None:
    async def work(one: Any) -> tuple[Any, Any]:
        asked = await sdk.got(one.v2.chat(model=CHAT, messages=[QUESTION], tools=[WEATHER]))
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": "It is sunny in Oslo, at 21 degrees."}
            for call in asked.message.tool_calls
        ]
        answered = one.v2.chat(model=CHAT, messages=[QUESTION, asked.message, *results], tools=[WEATHER])
        return asked, await sdk.got(answered)

    (asked, answered), wire = sdk.do(client, work)
    call = asked.message.tool_calls[0]
    assert (asked.finish_reason, call.function.name) == ("TOOL_CALL", "weather")
    assert "Oslo" in json.loads(call.function.arguments)["city"]
    text = answered.message.content[-1].text
    citation = answered.message.citations[0]
    assert (answered.finish_reason, text[citation.start : citation.end]) == ("COMPLETE", citation.text)
    assert isinstance(citation.sources[0], types.ToolSource)
    assert sdk.untyped([asked, answered]) == []
    assert clean(wire)


@pytest.mark.parametrize("client", ["ClientV2", "AsyncClientV2"])
def test_a_streamed_tool_call_is_the_one_that_is_not_streamed(sdk: Sdk, client: str) -> None:
    async def work(one: Any) -> tuple[Any, Any]:
        asked = {"model": CHAT, "messages": [QUESTION], "tools": [WEATHER], "seed": 7}
        return await sdk.got(one.chat(**asked)), await sdk.got(one.chat_stream(**asked))

    (whole, events), wire = sdk.do(client, work)
    start = next(one for one in events if one.type == "tool-call-start").delta.message.tool_calls
    pieces = [
        one.delta.message.tool_calls.function.arguments for one in events if one.type == "tool-call-delta"
    ]
    plan = "".join(one.delta.message.tool_plan for one in events if one.type == "tool-plan-delta")
    expected = whole.message.tool_calls[0].function
    assert start.function.name == expected.name
    assert json.loads("".join(pieces)) == json.loads(expected.arguments)
    assert plan == whole.message.tool_plan
    assert events[-1].delta.finish_reason == "TOOL_CALL"
    assert sdk.untyped(events) == []
    assert clean(wire)


CHATS: dict[str, tuple[dict[str, Any], Callable[[Any], bool]]] = {
    "json": (
        {
            "response_format": {"type": "json_object"},
            "messages": [{"role": "user", "content": "JSON of a ferry"}],
        },
        lambda it: isinstance(json.loads(it.message.content[0].text), dict),
    ),
    "reasoning": (
        {"model": "command-a-reasoning-08-2025", "messages": [QUESTION]},
        lambda it: (
            [one.type for one in it.message.content] == ["thinking", "text"]
            and bool(it.message.content[0].thinking)
        ),
    ),
    "logprobs": ({"logprobs": True, "messages": [QUESTION]}, lambda it: it.logprobs[0].logprobs[0] <= 0),
    "max-tokens": ({"max_tokens": 2, "messages": [QUESTION]}, lambda it: it.finish_reason == "MAX_TOKENS"),
    "image": (
        {
            "model": "command-a-vision-07-2025",
            "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}],
        },
        lambda it: bool(it.message.content[0].text),
    ),
}


@pytest.mark.parametrize("client", ["ClientV2", "AsyncClientV2"])
@pytest.mark.parametrize(("given", "right"), CHATS.values(), ids=CHATS)
def test_what_chat_can_do_is_typed(
    sdk: Sdk, client: str, given: dict[str, Any], right: Callable[[Any], bool]
) -> None:
    async def work(one: Any) -> tuple[Any, Any]:
        asked = {"model": CHAT, **given}
        return await sdk.got(one.chat(**asked)), await sdk.got(one.chat_stream(**asked))

    (answer, events), wire = sdk.do(client, work)
    assert right(answer), answer
    assert events[-1].delta.finish_reason == answer.finish_reason
    assert sdk.untyped([answer, events]) == []
    assert clean(wire)


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
@pytest.mark.parametrize(
    "given", [{"connectors": [{"id": "web-search"}]}, {"tools": []}], ids=["search", "tool"]
)
def test_the_first_version_of_chat_streams_what_it_says(sdk: Sdk, client: str, given: dict[str, Any]) -> None:
    asked = {"message": QUESTION["content"], "model": CHAT, **given}
    if "tools" in given:
        parameters = {"city": {"type": "str", "description": "Name of the city", "required": True}}
        asked["tools"] = [
            {"name": "weather", "description": "Reports the weather", "parameter_definitions": parameters}
        ]

    async def work(one: Any) -> tuple[Any, Any]:
        return await sdk.got(one.chat(**asked)), await sdk.got(one.chat_stream(**asked))

    (answer, events), wire = sdk.do(client, work)
    kinds = {one.event_type for one in events}
    if "tools" in given:
        assert (answer.tool_calls[0].name, "Oslo" in answer.tool_calls[0].parameters["city"]) == (
            "weather",
            True,
        )
        assert {"tool-calls-chunk", "tool-calls-generation"} <= kinds
    else:
        assert answer.search_queries
        assert answer.documents
        assert {"search-queries-generation", "search-results"} <= kinds
    assert events[-1].response.text == answer.text
    assert sdk.untyped([answer, events]) == []
    assert clean(wire)


@pytest.mark.parametrize("client", ["ClientV2", "AsyncClientV2"])
def test_the_live_profile_is_typed_too(live: Sdk, client: str) -> None:
    async def work(one: Any) -> list[Any]:
        return [
            await live.got(one.chat(model=CHAT, messages=[QUESTION])),
            await live.got(one.chat_stream(model=CHAT, messages=[QUESTION])),
            await live.got(
                one.embed(texts=["a"], model="embed-v4.0", input_type="image", embedding_types=["float"])
            ),
            await live.got(one.models.list()),
            await live.got(one.datasets.list()),
        ]

    answers, wire = live.do(client, work)
    assert live.untyped(answers) == []
    assert len(wire.operations) == 5
    assert clean(wire)
