#!lua
-- Removes a user and all that is kept in one key each. Its sessions go to the grave: purge_sessions removes them in bounded batches.
-- KEYS: user, void, intents, sessions, grave, tally, chains, versions, summaries, conflicts, holds, then every other key of the user, then those
--   of the writes.
-- ARGV: user id that is expected, token of its claim, intent to purge, intent of the receipt ('' for none), number of other keys of the
--   user, then the writes.
-- Returns 'deleted', 'gone', or 'held' when messages are held for legal reasons.
if redis.call('HGET', KEYS[1], 'user_id') ~= ARGV[1] then return 'gone' end
if redis.call('EXISTS', KEYS[11]) == 1 then return 'held' end
local now, others = digits(microseconds()), tonumber(ARGV[5])
if ARGV[4] ~= '' then
  local chains, versions, summaries, conflicts = unpack(KEYS, 7, 10)
  redis.call('HSET', KEYS[6], 'memory_versions', redis.call('HLEN', versions), 'summaries', redis.call('HLEN', summaries),
    'conflicts', redis.call('HLEN', conflicts), 'points', redis.call('HLEN', chains) + redis.call('HLEN', summaries))
  redis.call('ZADD', KEYS[3], now, ARGV[4])
end
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[3])
if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('RENAME', KEYS[4], KEYS[5]) end
for i = 7, 11 + others do redis.call('UNLINK', KEYS[i]) end
run_writes(12 + others, 6)
return 'deleted'
