#!lua
-- Stores what processing a session brought about and ends its job.
-- KEYS: user, revision, session, jobs, then those of the writes.
-- ARGV: revision, whether the memories change (0 or 1), generation, group, entry of the job, processed_at ('' for now), remembered_at, then
--   the writes.
-- Returns 'committed', 'stale_job' when the session is not what the job was made for, or 'stale_memories'.
local session = redis.call('HMGET', KEYS[3], 'status', 'generation')
local fit = redis.call('EXISTS', KEYS[1]) == 1 and session[1] == 'processing' and session[2] == ARGV[3]
if fit and not is_current(KEYS[1], KEYS[2], ARGV[1]) then return 'stale_memories' end
if fit then
  redis.call('INCRBY', KEYS[2], ARGV[2])
  redis.call('HSET', KEYS[3], 'status', 'processed')
  -- one that was processed again keeps its place in time
  if redis.call('HDEL', KEYS[3], 'missing') == 0 then
    redis.call('HSET', KEYS[3], 'remembered_at', ARGV[7], 'processed_at', ARGV[6] == '' and digits(microseconds()) or ARGV[6])
  end
  run_writes(5, 8)
end
redis.call('XACK', KEYS[4], ARGV[4], ARGV[5])
redis.call('XDEL', KEYS[4], ARGV[5])
return fit and 'committed' or 'stale_job'
