#!lua
-- Removes a user and all that is kept in one key each. Its sessions go to the grave: purge_sessions removes them in bounded batches.
-- KEYS: user, void, intents, outbox, sessions, grave, then every other key of the user.
-- ARGV: user id that is expected, token of its claim, intent to purge, project, user key, then every kind of index entry.
-- Returns whether the user was there.
if redis.call('HGET', KEYS[1], 'user_id') ~= ARGV[1] then return 0 end
local now = digits(microseconds())
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('ZADD', KEYS[3], now, ARGV[3])
if redis.call('EXISTS', KEYS[5]) == 1 then redis.call('RENAME', KEYS[5], KEYS[6]) end
for i = 7, #KEYS do redis.call('UNLINK', KEYS[i]) end
for i = 6, #ARGV do
  redis.call('XADD', KEYS[4], '*', 'project', ARGV[4], 'user', ARGV[5], 'kind', ARGV[i], 'record', '')
end
return 1
