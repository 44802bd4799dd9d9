#!lua
-- Takes a user id, or says who holds it.
-- KEYS: claim. ARGV: user key, token.
-- Returns {holder's user key, holder's token, age of the claim in microseconds}.
local now = microseconds()
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. digits(now), 'NX')
local holder, token, since = string.match(redis.call('GET', KEYS[1]), '^(%S+) (%S+) (%S+)$')
return {holder, token, digits(now - tonumber(since))}
