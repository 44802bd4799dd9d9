#!lua
-- Stores a user whose id has been claimed.
-- KEYS: user, void, intents. ARGV: token of the claim, intent to list the user, user id, metadata, merge_conflict, idempotent.
-- Returns {'created' | 'exists', created_at} or {'void'} when the claim was given to someone else meanwhile.
local created_at = redis.call('HGET', KEYS[1], 'created_at')
if created_at then return {'exists', created_at} end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {'void'} end
local now = digits(microseconds())
redis.call('HSET', KEYS[1], 'claim', ARGV[1], 'user_id', ARGV[3], 'metadata', ARGV[4], 'merge_conflict', ARGV[5],
  'idempotent', ARGV[6], 'created_at', now, 'last_active_at', now)
redis.call('ZADD', KEYS[3], now, ARGV[2])
return {'created', now}
