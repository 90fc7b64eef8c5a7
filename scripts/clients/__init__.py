"""The clients that the server is tried with: one module each."""

from scripts.clients import (
    anthropic_client,
    langchain_client,
    litellm_client,
    llm_client,
    lm_eval_client,
    ollama_client,
    openai_client,
)

TRIALS = [
    *openai_client.TRIALS,
    *litellm_client.TRIALS,
    *langchain_client.TRIALS,
    *llm_client.TRIALS,
    *ollama_client.TRIALS,
    *anthropic_client.TRIALS,
    *lm_eval_client.TRIALS,
]
