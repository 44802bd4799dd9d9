#!lua
-- Replaces fields of a project.
-- KEYS: project. ARGV: fields and values. Returns whether the project was there.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if #ARGV > 0 then redis.call('HSET', KEYS[1], unpack(ARGV)) end
return 1
