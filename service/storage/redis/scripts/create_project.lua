#!lua
-- Stores a project unless there is one.
-- KEYS: project. ARGV: fields and values. Returns whether it was stored.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
