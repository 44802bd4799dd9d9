#!lua
-- Makes sure that a claim's holder never comes to use it: a token that is void is refused by whatever would use it.
-- KEYS: user or document, void. ARGV: field of the id, the id, token.
-- Returns whether the claim is void now; it is not when the user or document exists and has this id.
local HOUR = 3600 * 1000000
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 0 end
local now = microseconds()
-- whoever held a token longer than this has long been timed out
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', digits(now - HOUR))
redis.call('ZADD', KEYS[2], digits(now), ARGV[3])
return 1
