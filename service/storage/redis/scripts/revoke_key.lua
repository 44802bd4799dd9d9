#!lua
-- Marks a key as revoked; a revoked one keeps its time.
-- KEYS: key. ARGV: project. Returns whether the project has the key.
local key = redis.call('HMGET', KEYS[1], 'project_id', 'revoked_at')
if key[1] ~= ARGV[1] then return 0 end
if key[2] == '' then redis.call('HSET', KEYS[1], 'revoked_at', digits(microseconds())) end
return 1
