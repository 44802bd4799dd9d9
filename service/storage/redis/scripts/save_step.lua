#!lua
-- Keeps the result of a step of a session for a day, unless the session has moved on: what was forgotten meanwhile must not be kept.
-- KEYS: user, session, steps. ARGV: step, result, generation.
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HGET', KEYS[2], 'generation') ~= ARGV[3] then return end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[3], 86400)
