#!/usr/bin/env bash
# A context that is streamed: each stage as it happens, then the context itself.
#
#   MNEME_URL=http://127.0.0.1:8080 MNEME_API_KEY=rai_… MNEME_PROJECT_ID=… ./stream.sh
set -euo pipefail

url=${MNEME_URL:-http://127.0.0.1:8080}/api/v1
user=ada-$RANDOM$RANDOM
call() { curl -sS --fail-with-body -H "X-Recallr-Api-Key: $MNEME_API_KEY" -H "X-Recallr-Project-Id: $MNEME_PROJECT_ID" "$@"; }

call "$url/users" -H 'Content-Type: application/json' -d "{\"custom_user_id\": \"$user\"}"
echo
session=$(call "$url/users/$user/sessions" -H 'Content-Type: application/json' -d '{}' | sed 's/.*"session_id":"\([^"]*\)".*/\1/')
call "$url/users/$user/sessions/$session/add-message" -H 'Content-Type: application/json' \
  -d '{"role": "user", "message": "What do you know about me?"}'
echo
call --no-buffer "$url/users/$user/sessions/$session/context?stream=true&recall_strategy=low_latency&include_system_prompt=false"
