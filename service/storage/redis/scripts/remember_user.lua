#!lua
-- Binds an idempotency key to the user that its request makes.
-- KEYS: answer. ARGV: digest of the request, user key, user key that could not be made ('' when none was tried) and gives way.
-- Returns {digest, user key} of the first request that came with the key.
if redis.call('GET', KEYS[1]) == ARGV[1] .. ' ' .. ARGV[3] then redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'NX', 'EX', 86400)
return {string.match(redis.call('GET', KEYS[1]), '^(%S+) (%S+)$')}
