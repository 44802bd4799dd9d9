#!lua
-- Makes a draft a user.
-- KEYS: user, void, intents. ARGV: token of the claim, intent to discard the draft, intent of what follows, then fields and values.
-- Returns 'restored', 'gone' when the draft was discarded, or 'void' when the claim was given to someone else meanwhile.
if redis.call('EXISTS', KEYS[1]) == 1 or not redis.call('ZSCORE', KEYS[3], ARGV[2]) then return 'gone' end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 'void' end
redis.call('HSET', KEYS[1], 'claim', ARGV[1], unpack(ARGV, 4))
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('ZADD', KEYS[3], digits(microseconds()), ARGV[3])
return 'restored'
