"""The plain format of stage 1, as in LLaVA: the media, the caption and a line break, without the user's text."""

from typing import Any


# The text in the `generation` block is the label.
CAPTION_TEMPLATE = """\
{%- for message in messages -%}
{%- for part in message['content'] -%}
{%- if part['type'] != 'text' -%}{{- '<' + part['type'] + '>' -}}
{%- elif message['role'] == 'assistant' -%}{%- generation -%}{{- part['text'] + '\\n' -}}{%- endgeneration -%}
{%- endif -%}
{%- endfor -%}
{%- endfor -%}
"""


def as_caption(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Removes the texts of the user and of the system from a chat."""
    return [
        {
            "role": message["role"],
            "content": [
                part for part in message["content"] if part["type"] != "text" or message["role"] == "assistant"
            ],
        }
        for message in messages
        if message["role"] != "system"
    ]
