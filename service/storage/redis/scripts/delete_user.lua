#!lua
-- Removes a user and all that is kept in one key each. Its sessions go to the grave: purge_sessions removes them in bounded batches.
-- KEYS: user, void, intents, sessions, grave, then every other key of the user, then those of the writes.
-- ARGV: user id that is expected, token of its claim, intent to purge, number of other keys of the user, then the writes.
-- Returns whether the user was there.
if redis.call('HGET', KEYS[1], 'user_id') ~= ARGV[1] then return 0 end
local now, others = digits(microseconds()), tonumber(ARGV[4])
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[3])
if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('RENAME', KEYS[4], KEYS[5]) end
for i = 6, 5 + others do redis.call('UNLINK', KEYS[i]) end
run_writes(6 + others, 5)
return 1
