#!lua
-- Binds an idempotency key to the user that its request makes.
-- KEYS: answer. ARGV: digest of the request, user key.
-- Returns {digest, user key} of the first request that came with the key.
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'NX', 'EX', 86400)
return {string.match(redis.call('GET', KEYS[1]), '^(%S+) (%S+)$')}
