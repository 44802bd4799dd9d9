#!lua
-- Ends the legal hold of messages of a session.
-- KEYS: holds. ARGV: session id, places that are held, those that stay so ('' for none).
-- Returns whether those were held.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
