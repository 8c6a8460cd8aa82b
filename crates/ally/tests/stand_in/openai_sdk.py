"""The official OpenAI SDK against the chat completions of the stand-in server.

Usage: openai_sdk.py ADDRESS KEY. Prints one line for each check that fails, then `N passed, 0 failed`.
Needs the `openai` package of PyPI. The stand-in must have nothing scripted.
"""

import json
import sys
import traceback
import urllib.request

import openai

ADDRESS, KEY = sys.argv[1:3]
MODEL = "stand-in-small"
TIME_TOOL = {
    "type": "function",
    "function": {
        "name": "time_now",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {"timezone": {"type": "string"}}},
    },
}
HELLO = [{"role": "user", "content": "hello you"}]


def client():
    return openai.OpenAI(api_key=KEY, base_url=f"{ADDRESS}/v1", max_retries=0)


def order(what, body):
    request = urllib.request.Request(f"{ADDRESS}/stand-in/{what}", json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def ask(messages, **more):
    return client().chat.completions.create(model=MODEL, max_tokens=50, messages=messages, **more)


def a_whole_message():
    answer = ask(HELLO)
    choice = answer.choices[0]
    assert choice.message.content == "You said: hello you", answer
    assert (choice.finish_reason, choice.message.role, answer.model) == ("stop", "assistant", MODEL), answer
    assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens == 4, answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 4
    assert (answer.object, isinstance(answer.created, int)) == ("chat.completion", True), answer


def a_streamed_message_with_its_usage():
    chunks = list(ask(HELLO, stream=True, stream_options={"include_usage": True}))
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert words == ["You ", "said: ", "hello ", "you"], words
    assert chunks[0].choices[0].delta.role == "assistant", chunks[0]
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == "stop" and not any(reasons[:-1]), reasons
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 4, chunks[-1]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" and isinstance(chunk.created, int) for chunk in chunks)


def the_helper_for_streams_puts_it_together():
    with client().chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    assert final.choices[0].message.content == "You said: hello you", final


def script_a_round():
    call = {"tool_call": {"tool": "time_now", "input": {"timezone": "Asia/Tokyo", "ünï": ["🦊", 1]}}}
    order("turns", [{"steps": [{"text": "Let me look."}, call, call]}, {"steps": [{"text": "It is late."}]}])


def finish_the_round(said, calls):
    assert [call.function.name for call in calls] == ["time_now", "time_now"], calls
    assert json.loads(calls[0].function.arguments) == {"timezone": "Asia/Tokyo", "ünï": ["🦊", 1]}, calls
    assert calls[0].id != calls[1].id
    results = [{"role": "tool", "tool_call_id": call.id, "content": "20:00"} for call in calls]
    second = ask(HELLO + [said, *results], tools=[TIME_TOOL])
    assert second.choices[0].message.content == "It is late.", second


def tools_go_round_whole():
    script_a_round()
    first = ask(HELLO, tools=[TIME_TOOL]).choices[0]
    assert (first.finish_reason, first.message.content) == ("tool_calls", "Let me look."), first
    finish_the_round(first.message, first.message.tool_calls)


def tools_go_round_streamed():
    script_a_round()
    with client().chat.completions.stream(model=MODEL, messages=HELLO, tools=[TIME_TOOL]) as stream:
        for _ in stream:
            pass
        first = stream.get_final_completion().choices[0]
    assert first.finish_reason == "tool_calls", first
    said = {"role": "assistant", "content": first.message.content}
    said["tool_calls"] = [
        {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in first.message.tool_calls
    ]
    finish_the_round(said, first.message.tool_calls)


def refused(error, call):
    try:
        call()
    except error as caught:
        assert type(caught) is error, type(caught)
        return caught
    raise AssertionError(f"{error.__name__} was expected")


def what_is_wrong_is_refused():
    def wrong(messages, **more):
        caught = refused(openai.BadRequestError, lambda: ask(messages, **more))
        assert caught.type == "invalid_request_error" and caught.body["message"], caught.body

    call = {"id": "a", "type": "function", "function": {"name": "time_now", "arguments": "{}"}}
    calling = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "a", "content": "x"}
    ask([*HELLO, calling, result])
    wrong([])
    wrong([*HELLO, result])
    wrong([*HELLO, calling])
    wrong([*HELLO, calling, *HELLO])
    wrong([*HELLO, calling, result, result])
    wrong([*HELLO, {"role": "assistant", "content": None}])
    dotted = {"type": "function", "function": TIME_TOOL["function"] | {"name": "memory.view"}}
    wrong(HELLO, tools=[dotted])


def errors_have_their_classes():
    table = [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ]
    for status, error in table:
        order("faults", [{"status": {"status": status, "message": "no", "retry_after": 7}}])
        caught = refused(error, lambda: ask(HELLO))
        assert caught.status_code == status and caught.response.headers["retry-after"] == "7"
        assert caught.body["message"] and caught.type, caught.body


def an_error_in_the_stream_is_raised():
    order("faults", [{"error_after": [2, "server_error"]}])
    caught = refused(openai.APIError, lambda: list(ask(HELLO, stream=True)))
    assert caught.type == "server_error", caught.body


def a_cut_stream_is_a_broken_connection():
    order("faults", [{"cut_after": 2}])
    try:
        list(ask(HELLO, stream=True))
    except openai.OpenAIError:
        pass
    except Exception as caught:  # the HTTP library's own error, depending on the version
        assert "peer" in str(caught) or "closed" in str(caught) or "incomplete" in str(caught), caught
    else:
        raise AssertionError("an error was expected")


def models_are_listed():
    assert [model.id for model in client().models.list()] == ["stand-in-small", "stand-in-large"]


CHECKS = [
    a_whole_message,
    a_streamed_message_with_its_usage,
    the_helper_for_streams_puts_it_together,
    tools_go_round_whole,
    tools_go_round_streamed,
    what_is_wrong_is_refused,
    errors_have_their_classes,
    an_error_in_the_stream_is_raised,
    a_cut_stream_is_a_broken_connection,
    models_are_listed,
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
