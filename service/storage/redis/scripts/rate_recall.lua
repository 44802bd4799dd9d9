#!lua
-- Keeps what was said of a recall as long as the recall.
-- KEYS: recall. ARGV: the ids that were of use, rating ('' for none).
-- Returns whether there is such a recall.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'used', ARGV[1], 'rating', ARGV[2])
return 1
