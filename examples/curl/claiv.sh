#!/usr/bin/env bash
# The Claiv API: tell an event, recall it for a prompt. Needs MNEME_API_KEY, and MNEME_URL unless Mneme is at its usual place.
set -euo pipefail
api=${MNEME_URL:-http://127.0.0.1:8080}
user=ada-$(date +%s%N)
post() { curl -sS "$api$1" -H "Authorization: Bearer $MNEME_API_KEY" -H "Content-Type: application/json" -d "$2"; }

post /v1/ingest "{\"user_id\": \"$user\", \"type\": \"message\", \"content\": \"User prefers dark mode and concise responses\"}"
echo
# memories are made of it within seconds
recall="{\"user_id\": \"$user\", \"task\": \"What are the user preferences?\", \"token_budget\": 2000}"
until post /v1/recall "$recall" | grep '"type":"fact"'; do sleep 0.2; done
