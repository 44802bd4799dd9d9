#!lua
-- Removes a draft, unless it has become a user. Its sessions go to the grave, which the intent to purge clears.
-- KEYS: user, intents, sessions, grave, then every other key of a user. ARGV: intent to discard the draft, intent to purge.
-- Returns whether there was a draft to remove; what is removed may be nothing.
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[4]) end
for i = 5, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('ZADD', KEYS[2], digits(microseconds()), ARGV[2])
return 1
