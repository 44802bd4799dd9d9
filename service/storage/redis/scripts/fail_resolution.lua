#!lua
-- Ends an attempt at a conflict; after the last one the conflict is failed.
-- KEYS: jobs, delayed, dead, revision, conflicts, open conflicts, then those of the writes.
-- ARGV: those of end_attempt, conflict id, the conflict as it was read ('' when it is nothing to fail), the conflict as failed, then
--   the writes of a conflict that failed.
-- Returns 'again', 'lost', 'dead', or 'stale' when the conflict is not as it was read; then nothing was done.
if (redis.call('HGET', KEYS[5], ARGV[12]) or '') ~= ARGV[13] and ARGV[13] ~= '' then return 'stale' end
local ended = end_attempt(KEYS[1], KEYS[2], KEYS[3])
if ended == 'dead' and ARGV[13] ~= '' then
  redis.call('HSET', KEYS[5], ARGV[12], ARGV[14])
  redis.call('SREM', KEYS[6], ARGV[12])
  redis.call('INCR', KEYS[4])
  run_writes(7, 15)
end
return ended
