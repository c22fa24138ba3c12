"""Stage 1's plain format, as in LLaVA: the media, its caption and a line break; nothing that the user says."""

from typing import Any


# The label is what the `generation` block holds.
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
    """A chat without what the user and the system say."""
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
