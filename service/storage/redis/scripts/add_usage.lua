#!lua
-- Adds what a process counted of a project on a day, once.
-- KEYS: usage of the day, ingested of the month. ARGV: process, number of the batch, seconds to keep both, events to add to the month,
--   then fields and counts.
local process, number = '~' .. ARGV[1], tonumber(ARGV[2])
if number <= tonumber(redis.call('HGET', KEYS[1], process) or 0) then return end
redis.call('HSET', KEYS[1], process, ARGV[2])
for i = 5, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
if ARGV[4] == '0' then return end
redis.call('INCRBY', KEYS[2], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[3])
