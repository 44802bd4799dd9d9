#!lua
-- Removes sessions of a deleted user.
-- KEYS: grave, timers, tally, then session, messages and steps of each session.
-- ARGV: session ids, each followed by its member of the timers.
local counted, messages, remembered = redis.call('EXISTS', KEYS[3]) == 1, 0, 0
for i = 4, #KEYS, 3 do
  if counted then
    local said = redis.call('LLEN', KEYS[i + 1])
    messages = messages + said
    remembered = remembered + said - (redis.call('HGET', KEYS[i], 'forgotten_count') or 0)
  end
  redis.call('UNLINK', KEYS[i], KEYS[i + 1], KEYS[i + 2])
end
if messages > 0 then
  redis.call('HINCRBY', KEYS[3], 'messages_deleted', messages)
  redis.call('HINCRBY', KEYS[3], 'points', remembered)
end
for i = 1, #ARGV, 2 do
  redis.call('ZREM', KEYS[1], ARGV[i])
  redis.call('ZREM', KEYS[2], ARGV[i + 1])
end
