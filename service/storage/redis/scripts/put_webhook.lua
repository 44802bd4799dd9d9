#!lua
-- Stores the webhook of a project in place of the version that is expected, 0 for none.
-- KEYS: project, webhook. ARGV: version that is expected, then fields and values.
-- Returns 'stored', 'gone' when there is no project, or 'changed' when another version is stored.
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
if (redis.call('HGET', KEYS[2], 'version') or '0') ~= ARGV[1] then return 'changed' end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 2))
return 'stored'
