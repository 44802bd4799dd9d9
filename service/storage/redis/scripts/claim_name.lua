#!lua
-- Gives a name to a user's event for a day, unless it is given.
-- KEYS: name. ARGV: user id.
-- Returns the user id of the event that has it.
local holder = redis.call('GET', KEYS[1])
if holder then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'EX', DAY)
return ARGV[1]
