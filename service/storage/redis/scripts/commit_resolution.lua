#!lua
-- Stores what the answers to a conflict brought about and ends its job.
-- KEYS: user, revision, conflicts, jobs, then those of the writes.
-- ARGV: revision, whether the memories change (0 or 1), conflict id, group, entry of the job, then the writes.
-- Returns 'committed', 'stale_job' when the conflict is gone, or 'stale_memories'.
local fit = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[3], ARGV[3]) == 1
if fit and not is_current(KEYS[1], KEYS[2], ARGV[1]) then return 'stale_memories' end
if fit then
  redis.call('INCRBY', KEYS[2], ARGV[2])
  run_writes(5, 6)
end
redis.call('XACK', KEYS[4], ARGV[4], ARGV[5])
redis.call('XDEL', KEYS[4], ARGV[5])
return fit and 'committed' or 'stale_job'
