#!lua
-- Removes kept answers of a deleted user.
-- KEYS: index of the answers, then the answers.
for i = 2, #KEYS do
  redis.call('DEL', KEYS[i])
  redis.call('ZREM', KEYS[1], KEYS[i])
end
