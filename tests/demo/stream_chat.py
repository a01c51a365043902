"""Any program that uses OpenAI: base URL and key come from the environment, as the package itself reads them."""

import json
import os

import openai

client = openai.OpenAI()
stream = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Say hello."}],
    max_tokens=64,
    stream=True,
)
events = list(stream)
deltas = [choice.delta.content or "" for event in events for choice in event.choices]

print(
    json.dumps(
        {
            "version": openai.__version__,
            "said": "".join(deltas),
            "events": len(events),
            # Only who asks for usage gets an event with usage and no choices.
            "events_without_choices": sum(not event.choices for event in events),
            "key": client.api_key,
            "lease_id": os.environ["PERMITPIPE_LEASE_ID"],
        }
    )
)
