#!lua
-- Replaces the metadata of a session.
-- KEYS: user, session. ARGV: metadata. Returns whether the session was there.
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return 0 end
redis.call('HSET', KEYS[2], 'metadata', ARGV[1])
return 1
