"""The official Anthropic SDK against the stand-in server.

Usage: anthropic_sdk.py ADDRESS KEY. Prints one line for each check that fails, then `N passed, 0 failed`.
Needs the `anthropic` package of PyPI. The stand-in must have nothing scripted.
"""

import base64
import json
import sys
import traceback
import urllib.request

import anthropic

ADDRESS, KEY = sys.argv[1:3]
MODEL = "claude-sonnet-5-5"
TIME_TOOL = {
    "name": "time_now",
    "description": "Tells the time.",
    "input_schema": {"type": "object", "properties": {"timezone": {"type": "string"}}},
}
HELLO = [{"role": "user", "content": "hello you"}]


def client(key=KEY, **options):
    return anthropic.Anthropic(api_key=key, base_url=ADDRESS, max_retries=0, **options)


def order(what, body):
    request = urllib.request.Request(f"{ADDRESS}/stand-in/{what}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def a_whole_message():
    message = client().messages.create(model=MODEL, max_tokens=50, messages=HELLO)
    assert message.content[0].text == "You said: hello you", message
    assert (message.stop_reason, message.role, message.model) == ("end_turn", "assistant", MODEL)
    assert message.usage.input_tokens > 0 and message.usage.output_tokens == 4, message.usage
    assert message._request_id


def a_streamed_message():
    with client().messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream:
        words = list(stream.text_stream)
        final = stream.get_final_message()
    assert words == ["You ", "said: ", "hello ", "you"], words
    assert final.content[0].text == "You said: hello you"
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 4), final


def raw_events_in_the_documented_order():
    stream = client().messages.create(model=MODEL, max_tokens=50, messages=HELLO, stream=True)
    kinds = [event.type for event in stream]
    assert kinds == (
        ["message_start", "content_block_start"]
        + ["content_block_delta"] * 4
        + ["content_block_stop", "message_delta", "message_stop"]
    ), kinds


def tools_go_round(ask):
    thinking = {"thinking": "which zone"}
    call = {"tool_call": {"tool": "time_now", "input": {"timezone": "Asia/Tokyo", "ünï": ["🦊", 1]}}}
    order("turns", [{"steps": [thinking, {"text": "Let me look."}, call, call]}, {"steps": [{"text": "It is late."}]}])
    first = ask(HELLO)
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use", "tool_use"], first
    assert first.stop_reason == "tool_use"
    calls = [block for block in first.content if block.type == "tool_use"]
    assert calls[0].input == {"timezone": "Asia/Tokyo", "ünï": ["🦊", 1]}, calls
    assert calls[0].id != calls[1].id
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "20:00"} for call in calls]
    second = ask(HELLO + [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}])
    assert second.content[0].text == "It is late.", second


def tools_go_round_whole():
    tools_go_round(
        lambda messages: client().messages.create(model=MODEL, max_tokens=50, messages=messages, tools=[TIME_TOOL])
    )


def tools_go_round_streamed():
    def ask(messages):
        with client().messages.stream(model=MODEL, max_tokens=50, messages=messages, tools=[TIME_TOOL]) as stream:
            return stream.get_final_message()

    tools_go_round(ask)


def a_cache_is_written_and_read():
    system = [{"type": "text", "text": "Be brief. " * 50, "cache_control": {"type": "ephemeral"}}]
    usages = [
        client().messages.create(model=MODEL, max_tokens=50, messages=HELLO, system=system).usage for _ in range(2)
    ]
    assert usages[0].cache_creation_input_tokens > 0 and usages[1].cache_read_input_tokens > 0, usages


def refused(error, call):
    try:
        call()
    except error as caught:
        assert type(caught) is error, type(caught)
        return caught
    raise AssertionError(f"{error.__name__} was expected")


def errors_have_their_classes():
    table = [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (413, anthropic.RequestTooLargeError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.ServiceUnavailableError),
        (529, anthropic.OverloadedError),
    ]
    for status, error in table:
        order("faults", [{"status": {"status": status, "message": "no", "retry_after": 7}}])
        caught = refused(error, lambda: client().messages.create(model=MODEL, max_tokens=5, messages=HELLO))
        assert caught.status_code == status and caught.response.headers["retry-after"] == "7"
        assert caught.body["error"]["type"], caught.body


def a_wrong_key_is_refused():
    refused(anthropic.AuthenticationError, lambda: client("sk-wrong").models.list())


def what_is_wrong_is_refused():
    def ask(messages, **more):
        return lambda: client().messages.create(model=MODEL, max_tokens=5, messages=messages, **more)

    refused(anthropic.BadRequestError, ask(HELLO, tools=[TIME_TOOL | {"name": "memory.view"}]))
    refused(anthropic.BadRequestError, ask([{"role": "user", "content": [{"type": "text", "text": ""}]}]))
    orphan = [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]
    refused(anthropic.BadRequestError, ask([{"role": "user", "content": orphan}]))
    refused(
        anthropic.NotFoundError, lambda: client().messages.create(model="gpt", max_tokens=5, messages=HELLO)
    )


def an_error_in_the_stream_is_raised():
    order("faults", [{"error_after": [2, "overloaded_error"]}])
    stream = client().messages.create(model=MODEL, max_tokens=50, messages=HELLO, stream=True)
    try:
        list(stream)
    except anthropic.APIStatusError as caught:
        assert caught.body["error"]["type"] == "overloaded_error", caught.body
    else:
        raise AssertionError("an error was expected")


def a_cut_stream_is_a_broken_connection():
    order("faults", [{"cut_after": 2}])
    stream = client().messages.create(model=MODEL, max_tokens=50, messages=HELLO, stream=True)
    try:
        list(stream)
    except anthropic.AnthropicError:
        pass
    except Exception as caught:  # the HTTP library's own error, depending on the version
        assert "peer" in str(caught) or "closed" in str(caught) or "incomplete" in str(caught), caught
    else:
        raise AssertionError("an error was expected")


def models_are_listed_and_paged():
    page = client().models.list(limit=1)
    assert page.data[0].id == MODEL and page.has_more, page
    model = client().models.retrieve(MODEL)
    assert (model.id, model.max_input_tokens) == (MODEL, 1_000_000), model
    refused(anthropic.NotFoundError, lambda: client().models.retrieve("gpt"))


def pictures_and_documents_are_read():
    # A picture of one pixel, and the beginning of a document: nobody looks further than that.
    picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    pdf = base64.standard_b64encode(b"%PDF-1.4\n1 0 obj <</Type /Page>> endobj\n%%EOF").decode()

    def block(kind, media_type, data, source="base64", **more):
        return {"type": kind, "source": {"type": source, "media_type": media_type, "data": data}} | more

    def ask(*blocks):
        content = [*blocks, {"type": "text", "text": "hello you"}]
        return client().messages.create(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": content}])

    answer = ask(
        block("image", "image/png", picture),
        block("document", "application/pdf", pdf, title="a.pdf"),
        block("document", "text/plain", "some words", source="text", title="a.md"),
    )
    assert answer.content[0].text == "You said: hello you", answer
    assert answer.usage.input_tokens > 4000, answer.usage
    for wrong in [
        block("image", "image/jpeg", picture),
        block("image", "image/tiff", picture),
        block("image", "image/png", "%%%"),
        block("image", "image/png", pdf),
        block("image", "image/png", picture + "A" * (5 << 20)),
        block("document", "application/pdf", picture),
        block("document", "text/plain", " ", source="text"),
    ]:
        refused(anthropic.BadRequestError, lambda wrong=wrong: ask(wrong))


def tokens_are_counted():
    counted = client().messages.count_tokens(model=MODEL, messages=HELLO, tools=[TIME_TOOL], system="Be brief.")
    assert counted.input_tokens > 0
    more = client().messages.count_tokens(model=MODEL, messages=HELLO * 2, tools=[TIME_TOOL], system="Be brief.")
    assert more.input_tokens > counted.input_tokens
    refused(
        anthropic.BadRequestError,
        lambda: client().messages.count_tokens(model=MODEL, messages=HELLO, extra_body={"max_tokens": 5}),
    )


CHECKS = [
    a_whole_message,
    a_streamed_message,
    raw_events_in_the_documented_order,
    tools_go_round_whole,
    tools_go_round_streamed,
    a_cache_is_written_and_read,
    errors_have_their_classes,
    a_wrong_key_is_refused,
    what_is_wrong_is_refused,
    an_error_in_the_stream_is_raised,
    a_cut_stream_is_a_broken_connection,
    models_are_listed_and_paged,
    pictures_and_documents_are_read,
    tokens_are_counted,
]


def main():
    failed = 0
    for check in CHECKS:
        try:
            check()
        except Exception:
            failed += 1
            print(f"failed: {check.__name__}")
            traceback.print_exc()
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
