#!lua
-- Stores the answers to a conflict and queues its resolution.
-- KEYS: user, revision, conflicts, jobs.
-- ARGV: conflict id, the conflict as it was read, the conflict as answered, project, user key, subject of the job.
-- Returns whether the conflict was as it was read.
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[4], '*', 'project', ARGV[4], 'user', ARGV[5], 'session', ARGV[6], 'generation', 0, 'attempts', 0)
return 1
