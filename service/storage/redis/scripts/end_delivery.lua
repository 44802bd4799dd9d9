#!lua
-- Ends an attempt to deliver the first event of a user.
-- KEYS: projects, due users, undelivered, events, deliveries, dead deliveries.
-- ARGV: project, user key, event id, lease, what was tried ('' to drop the event), time of the next attempt ('' for none), time at
--   which the event was raised if it is dead ('' otherwise).
-- Returns whether the lease was still held.
local project, user, id, lease, tries, next_at, dead = unpack(ARGV)
if redis.call('LINDEX', KEYS[3], 0) ~= id then return 0 end
if tonumber(redis.call('ZSCORE', KEYS[2], user) or 0) ~= tonumber(lease) then return 0 end
if tries == '' then
  redis.call('HDEL', KEYS[4], id, id .. ':tries')
  redis.call('ZREM', KEYS[5], user .. ' ' .. id)
else
  redis.call('HSET', KEYS[4], id .. ':tries', tries)
end
if dead ~= '' then redis.call('ZADD', KEYS[6], dead, user .. ' ' .. id) end
if next_at ~= '' then
  redis.call('ZADD', KEYS[2], next_at, user)
else
  redis.call('LPOP', KEYS[3])
  if redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('ZADD', KEYS[2], 0, user)
  else
    redis.call('ZREM', KEYS[2], user)
  end
end
arm_project(KEYS[1], KEYS[2], project)
return 1
