#!lua
-- Returns stretches of a user's messages, each as a list, or nothing when there is no such user.
-- KEYS: record, messages of each session. ARGV: for each stretch the place of its session among these, its first and last index.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {}
end
local found = {}
for at = 1, #ARGV, 3 do
  found[#found + 1] = redis.call('LRANGE', KEYS[tonumber(ARGV[at]) + 1], ARGV[at + 1], ARGV[at + 2])
end
return found
