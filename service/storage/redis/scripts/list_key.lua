#!lua
-- Enters a key into the list of its project.
-- KEYS: project, list of its keys. ARGV: created_at, key id. Returns whether the project was there.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2])
return 1
