#!lua
-- Remembers a recall for a day.
-- KEYS: recall. ARGV: the ids that it returned.
redis.call('HSET', KEYS[1], 'ids', ARGV[1])
redis.call('EXPIRE', KEYS[1], DAY)
