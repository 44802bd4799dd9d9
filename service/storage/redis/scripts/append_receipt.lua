#!lua
-- Appends a receipt to the chain of a project, unless the chain moved on since the receipt was made, or has it already.
-- KEYS: receipts, their numbers, numbers by user, head. ARGV: receipt id, hash that the chain must end with, receipt, its hash, member of
--   the numbers by user.
-- Returns whether there is nothing left to do.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return 1 end
local head = redis.call('HGET', KEYS[4], 'hash')
if head and head ~= ARGV[2] then return 0 end
local number = redis.call('RPUSH', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], number)
redis.call('ZADD', KEYS[3], 0, ARGV[5])
redis.call('HSET', KEYS[4], 'hash', ARGV[4], 'length', number)
return 1
