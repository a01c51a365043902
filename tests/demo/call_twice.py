"""One client, two calls; in between somebody may revoke the lease."""

import json
import sys

import openai

client = openai.OpenAI()


def call():
    try:
        answer = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}], max_tokens=64
        )
        print(json.dumps({"said": answer.choices[0].message.content}), flush=True)
    except openai.APIStatusError as error:
        print(json.dumps({"raised": type(error).__name__, "status": error.status_code, "body": error.body}), flush=True)


call()
sys.stdin.readline()
call()
