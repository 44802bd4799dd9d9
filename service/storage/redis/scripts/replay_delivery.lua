#!lua
-- Queues an event again that has ended.
-- KEYS: projects, due users, undelivered, events, dead deliveries. ARGV: project, user key, event id.
-- Returns 'queued', 'waiting' when it has not ended, or 'gone'.
local project, user, id = unpack(ARGV)
redis.call('ZREM', KEYS[5], user .. ' ' .. id)
if redis.call('HEXISTS', KEYS[4], id) == 0 then return 'gone' end
if redis.call('LPOS', KEYS[3], id) then return 'waiting' end
redis.call('HDEL', KEYS[4], id .. ':tries')
redis.call('RPUSH', KEYS[3], id)
redis.call('ZADD', KEYS[2], 'NX', 0, user)
arm_project(KEYS[1], KEYS[2], project)
return 'queued'
