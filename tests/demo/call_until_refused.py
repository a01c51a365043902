"""Calls until it is refused."""

import json

import openai

client = openai.OpenAI()
answered = 0
try:
    while answered < 100:
        client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}], max_tokens=16
        )
        answered += 1
    print(json.dumps({"answered": answered, "raised": None}))
except openai.APIStatusError as error:
    refusal = {"raised": type(error).__name__, "status": error.status_code, "body": error.body}
    print(json.dumps({"answered": answered, **refusal}))
