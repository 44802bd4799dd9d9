#!lua
-- Stores a collection unless there is one.
-- KEYS: user, collections. ARGV: short name of the collection, the collection as JSON without its time, which goes before it.
-- Returns {'created', created_at}, {'exists'} or {'gone'} without the user.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
local now = digits(microseconds())
if redis.call('HSETNX', KEYS[2], ARGV[1], now .. ' ' .. ARGV[2]) == 0 then return {'exists'} end
return {'created', now}
