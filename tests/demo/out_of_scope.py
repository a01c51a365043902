"""Calls what the lease does not cover; the package raises its own error for it."""

import json

import openai

try:
    openai.OpenAI().embeddings.create(model="text-embedding-3-small", input="hello")
except openai.APIStatusError as error:
    print(json.dumps({"raised": type(error).__name__, "status": error.status_code, "body": error.body}))
