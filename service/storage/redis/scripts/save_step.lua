#!lua
-- Keeps the result of a step of a session for a day.
-- KEYS: user, session, steps. ARGV: step, result.
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[3], 86400)
