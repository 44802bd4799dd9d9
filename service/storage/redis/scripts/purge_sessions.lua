#!lua
-- Removes sessions of a deleted user.
-- KEYS: grave, timers, then every key of the sessions. ARGV: session ids, each followed by its member of the timers.
for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
for i = 1, #ARGV, 2 do
  redis.call('ZREM', KEYS[1], ARGV[i])
  redis.call('ZREM', KEYS[2], ARGV[i + 1])
end
