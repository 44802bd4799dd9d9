#!lua
-- Ends an attempt at a session; after the last one its session is failed.
-- KEYS: jobs, delayed, dead, user, session, then those of the writes. ARGV: those of end_attempt, then the writes of a session that failed.
-- Returns whether the job will be tried again, by this worker's doing or another's.
if end_attempt(KEYS[1], KEYS[2], KEYS[3]) ~= 'dead' then return 1 end
local session = redis.call('HMGET', KEYS[5], 'status', 'generation')
if redis.call('EXISTS', KEYS[4]) == 1 and session[1] == 'processing' and session[2] == ARGV[10] then
  redis.call('HSET', KEYS[5], 'status', 'failed')
  run_writes(6, 12)
end
return 0
