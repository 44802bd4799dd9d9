#!lua
-- Removes a session and makes the change of the memories that comes of it.
-- KEYS: user, revision, session, messages, steps, sessions, pending, spoken, summaries, summary times, timers, holds, intents, staged, parts,
--   then those of the writes, then those of the part.
-- ARGV: revision, whether the memories change (0 or 1), session id, member of the timers, number of elements that were staged (0 for
--   nothing), intent of the parts, number of keys of the writes, the part (when nothing was staged), then the writes.
-- Returns 'deleted', 'gone', 'held' when messages are held for legal reasons, or 'stale' when the memories moved on.
if redis.call('EXISTS', KEYS[1], KEYS[3]) < 2 then return 'gone' end
if redis.call('HEXISTS', KEYS[12], ARGV[3]) == 1 then return 'held' end
if not is_current(KEYS[1], KEYS[2], ARGV[1]) then return 'stale' end
if redis.call('LLEN', KEYS[14]) ~= tonumber(ARGV[5]) then return 'stale' end
redis.call('INCRBY', KEYS[2], ARGV[2])
redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5])
redis.call('ZREM', KEYS[6], ARGV[3])
redis.call('ZREM', KEYS[7], ARGV[3])
redis.call('ZREM', KEYS[8], ARGV[3])
redis.call('HDEL', KEYS[9], ARGV[3])
redis.call('ZREM', KEYS[10], ARGV[3])
redis.call('ZREM', KEYS[11], ARGV[4])
run_writes(16, 9)
if ARGV[5] == '0' then
  make_part(16 + ARGV[7], ARGV[8])
else
  begin_parts(KEYS[2], KEYS[14], KEYS[15], KEYS[13], ARGV[6])
end
return 'deleted'
